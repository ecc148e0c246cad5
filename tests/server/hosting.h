// SPDX-License-Identifier: MIT
// A host whose engine processes are engine_double, over a store of the test, and its answers.
#pragma once
#include <gtest/gtest.h>

#include <condition_variable>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "os/atomic_file.h"
#include "server/model_host.h"
#include "tests/server/programs.h"
#include "tests/support/temp_folder.h"

namespace hearth::test {

// The events of jobs, by job, as they come in on another thread.
class Answers {
 public:
  server::EventSink sink() {
    return [this](engine::Event event) {
      const std::lock_guard lock(mutex_);
      events_[event.id].push_back(std::move(event));
      changed_.notify_all();
    };
  }
  // All events of the job up to its last one; empty after a minute without it.
  std::vector<engine::Event> all(uint64_t id) {
    std::unique_lock lock(mutex_);
    const bool came = changed_.wait_for(lock, std::chrono::seconds(60), [&] {
      return !events_[id].empty() && is_last(events_[id].back());
    });
    EXPECT_TRUE(came) << "job " << id << " has no last event";
    return came ? events_[id] : std::vector<engine::Event>(1);
  }
  engine::Event last(uint64_t id) { return all(id).back(); }
  void wait_for_first(uint64_t id) {
    std::unique_lock lock(mutex_);
    EXPECT_TRUE(
        changed_.wait_for(lock, std::chrono::seconds(60), [&] { return !events_[id].empty(); }));
  }
  size_t n_events(uint64_t id) {
    const std::lock_guard lock(mutex_);
    return events_[id].size();
  }

 private:
  static bool is_last(const engine::Event& event) {
    return event.kind == engine::EventKind::kDone || event.kind == engine::EventKind::kError;
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint64_t, std::vector<engine::Event>> events_;
};

inline server::ModelHostOptions double_options() {
  server::ModelHostOptions options;
  options.program.program = engine_double();
  options.program.args = {};
  options.patience.look_every = std::chrono::milliseconds(20);
  options.back_off = std::chrono::milliseconds(1);
  options.available_bytes = [] { return Result<uint64_t>(uint64_t{1} << 30); };
  return options;
}

// Models are files in a folder, by their paths.
class Hosting {
 public:
  explicit Hosting(server::ModelHostOptions options = double_options()) {
    options.allow_paths = true;
    host_ = std::make_unique<server::ModelHost>(hub::Store(folder_ / "store"), options);
  }

  server::ModelHost* operator->() { return host_.get(); }
  server::ModelHost& operator*() { return *host_; }
  void end() { host_.reset(); }

  // A model file of that many bytes; returns what to ask for.
  std::string model(const std::string& name, size_t n_bytes = 64 * 1024) {
    const auto path = folder_ / (name + ".gguf");
    if (!std::filesystem::exists(path)) {
      EXPECT_TRUE(os::write_file(path, std::string(n_bytes, 'w')));
    }
    return path.string();
  }

  uint64_t ask(const std::string& name, const std::string& prompt, int64_t n = 3,
               server::LoadWish wish = {}) {
    engine::Job job;
    job.kind = engine::JobKind::kComplete;
    job.prompt = prompt;
    job.max_tokens = n;
    return host_->submit(model(name), wish, std::move(job), answers_.sink());
  }
  std::vector<engine::Event> all(uint64_t id) { return answers_.all(id); }
  engine::Event last(uint64_t id) { return answers_.last(id); }
  Answers& answers() { return answers_; }

  std::string text(uint64_t id) {
    std::string text;
    for (const engine::Event& event : all(id)) text += event.text;
    return text;
  }
  // The process of a loaded model; 0 where it is not loaded.
  int pid(const std::string& name) {
    for (const server::LoadedModel& loaded : host_->loaded()) {
      int pid = 0;
      const auto is_it = loaded.name == name && !loaded.facts.empty();
      if (is_it && std::sscanf(loaded.facts[0].c_str(), "process %d", &pid) == 1) return pid;
    }
    return 0;
  }

 private:
  TempFolder folder_;
  Answers answers_;
  std::unique_ptr<server::ModelHost> host_;
};

// Whether it becomes true within ten seconds.
template <class Condition>
bool soon(Condition condition) {
  for (int i = 0; i < 2000; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

}  // namespace hearth::test
