// SPDX-License-Identifier: MIT
// Reads long texts on a thread of its own, so that the answers under way need not wait while one of
// them is rendered and cut into tokens (some 10 MB a second). Short ones are read where they come:
// that takes less than a step.
// Thread rule: one thread, but for the one that it has.
#pragma once
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/job.h"

namespace hearth::engine {

// Bytes of all texts that a job has, and four for each of its tokens.
size_t text_bytes(const Job& job);

class JobPreparer {
 public:
  // Reads a job's texts; answers what remains to be done with it on the thread of the others. Must
  // not throw but for memory, and use nothing that changes.
  using Then = std::function<void(Job& job)>;
  using Read = std::function<Then(Job& job)>;

  explicit JobPreparer(Read read) : read_(std::move(read)) {}
  ~JobPreparer();
  JobPreparer(const JobPreparer&) = delete;
  JobPreparer& operator=(const JobPreparer&) = delete;

  // Whether the job is long enough to be read here.
  static bool is_long(const Job& job) { return text_bytes(job) > kLongBytes; }

  // Error (kLimit): too much waits already.
  Status give(Job job);
  // Forgets the job; false where it is not here.
  bool drop(uint64_t id);
  // False where it is not here.
  bool park(uint64_t id, bool parked);

  struct Prepared {
    Job job;
    Then then;  // empty: there was no memory to read it
    bool parked = false;
    double waited_ms = 0;
  };
  // A job that has been read.
  std::optional<Prepared> take();
  // Until one has been, or for so long.
  void wait(std::chrono::milliseconds most);
  size_t n_jobs() const { return waiting_.size(); }

 private:
  static constexpr size_t kLongBytes = size_t{64} << 10;
  static constexpr size_t kMostJobs = 256;
  static constexpr size_t kMostBytes = size_t{256} << 20;

  struct Entry;
  Status start();
  void work();

  Read read_;
  std::deque<std::shared_ptr<Entry>> waiting_;  // given and not taken, dropped ones left out
  std::mutex mutex_;                            // of what follows, and of each entry's `is_read`
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Entry>> unread_;
  bool is_over_ = false;
  std::thread thread_;  // begins with the first job
};

}  // namespace hearth::engine
