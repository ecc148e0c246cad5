// SPDX-License-Identifier: MIT
// A JobSource without a model: the answer to a kComplete job has max_tokens pieces of text, one for
// each step, as many jobs as there are together.
#pragma once
#include <algorithm>
#include <string>
#include <vector>

#include "engine/job_source.h"

namespace hearth::test {

class ToyJobs : public engine::JobSource {
 public:
  explicit ToyJobs(engine::EventSink sink) : sink_(std::move(sink)) {}

  void submit(engine::Job job) override {
    sink_({.id = job.id, .kind = engine::EventKind::kStarted});
    running_.push_back({std::move(job), 0, false});
  }
  void cancel(uint64_t id) override {
    const auto found = find(id);
    if (found == running_.end()) return;
    running_.erase(found);
    sink_({.id = id,
           .kind = engine::EventKind::kError,
           .error = {ErrorCode::kInterrupted, "cancelled", ""}});
  }
  void park(uint64_t id, bool parked) override {
    const auto found = find(id);
    if (found != running_.end()) found->parked = parked;
  }
  bool step() override {
    bool moved = false;
    for (size_t i = 0; i < running_.size();) {
      moved |= !running_[i].parked;
      i += running_[i].parked || !finished(running_[i]) ? 1 : 0;
    }
    return moved;
  }
  bool idle() const override { return running_.empty(); }
  nlohmann::ordered_json stats() const override { return {{"n_running", running_.size()}}; }

 protected:
  struct Running {
    engine::Job job;
    int64_t n_done = 0;
    bool parked = false;
  };
  // What a step does for a job; tests make it do worse.
  virtual std::string piece(const engine::Job& job, int64_t i) {
    return job.prompt + std::to_string(i) + " ";
  }

 private:
  std::vector<Running>::iterator find(uint64_t id) {
    return std::find_if(running_.begin(), running_.end(),
                        [id](const Running& r) { return r.job.id == id; });
  }
  // One more piece. True where the job ended, and is gone from the list.
  bool finished(Running& running) {
    const uint64_t id = running.job.id;
    if (running.n_done < running.job.max_tokens) {
      const std::string text = piece(running.job, running.n_done);
      ++running.n_done;
      sink_({.id = id, .kind = engine::EventKind::kDelta, .text = text});
      return false;
    }
    engine::Event done{.id = id, .kind = engine::EventKind::kDone};
    done.usage.n_completion = running.n_done;
    running_.erase(find(id));
    sink_({.id = id, .kind = engine::EventKind::kFinished, .finish_reason = "length"});
    sink_(std::move(done));
    return true;
  }

  engine::EventSink sink_;
  std::vector<Running> running_;
};

}  // namespace hearth::test
