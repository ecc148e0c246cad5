// SPDX-License-Identifier: MIT
// The two directions of an engine process's channel. Inbox: a thread reads messages and queues
// them, and sends heartbeats meanwhile. Outbox: frames of a step are gathered and sent together.
#pragma once
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "engine/job_source.h"
#include "engine/protocol.h"
#include "os/file_handle.h"

namespace hearth::engine {

// Thread rule: add() and flush() from the computing thread, heartbeat() from any.
class Outbox {
 public:
  explicit Outbox(const os::FileHandle& channel) : channel_(channel) {}

  // A message that no frame can hold is replaced by an error for its job.
  void add(const Message& message);
  // Sends what was added, however long the other end takes.
  void flush();
  // Left out while a flush waits for the other end.
  void heartbeat(const Heartbeat& heartbeat);

  // What went wrong first; after that nothing is sent.
  Status status() const;

 private:
  void send(std::string_view bytes);

  const os::FileHandle& channel_;
  std::string gathered_;      // of the computing thread
  mutable std::mutex mutex_;  // guards the channel's writing end, and status_
  Status status_;
};

// Thread rule: take() and the counters from the computing thread.
class Inbox {
 public:
  // Starts the thread. Both outlive this object. Busy from the start: the model is being loaded.
  Inbox(const os::FileHandle& channel, Outbox& outbox, int heartbeat_ms);
  // Stops reading, for good: the channel's other end sees it as closed.
  ~Inbox();
  Inbox(const Inbox&) = delete;
  Inbox& operator=(const Inbox&) = delete;

  // What the computing thread has to do next, and so whether the other end hears heartbeats.
  enum class Wait {
    kNot,     // it computes
    kABit,    // jobs are there, but none of them can go on; it looks again in a while
    kForAny,  // it has nothing to do until a message comes, or the end
  };
  // Messages that came, in order.
  std::vector<Message> take(Wait wait);
  // The channel has ended: Status of a clean end, or what was wrong with it. Nothing: it goes on.
  std::optional<Status> end() const;

  // Who hears of a cancel at once, on the reading thread; null: nobody. Not before this returns has
  // the former one heard its last.
  void set_jobs(JobSource* jobs);

  void count_step() { n_steps_.fetch_add(1, std::memory_order_relaxed); }
  uint64_t n_steps() const { return n_steps_.load(std::memory_order_relaxed); }

 private:
  void read();
  // What came; true while there may be more.
  Result<bool> read_some(FrameBuffer& frames, std::span<char> buffer);
  bool push(Message message);

  const os::FileHandle& channel_;
  Outbox& outbox_;
  const int heartbeat_ms_;
  std::atomic<uint64_t> n_steps_{0};

  mutable std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  std::deque<Message> messages_;
  bool busy_ = true;
  bool stopping_ = false;
  JobSource* jobs_ = nullptr;
  std::optional<Status> end_;

  std::thread thread_;
};

}  // namespace hearth::engine
