// SPDX-License-Identifier: MIT
// Times the steps of a program: each thread notes when it has finished a step and when it has
// passed the barrier behind it. Nothing is allocated during a run.
// Thread rule: begin, worked and waited are called by each thread for itself during a run; the rest
// by the thread that starts the runs.
#pragma once
#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/step.h"
#include "base/clock.h"

namespace hearth::cpu {

class Profiler {
 public:
  // Borrows the graph and the steps.
  Profiler(const graph::Graph& graph, const std::vector<Step>& steps, int n_threads);

  void begin(int thread) { times_[static_cast<size_t>(thread)].last = Clock::now(); }
  void worked(int thread, size_t i_step) { note(thread).work_ns[i_step] = lap(thread); }
  void waited(int thread, size_t i_step) { note(thread).wait_ns[i_step] = lap(thread); }

  // After a whole run: adds it to the sums. A run that was cancelled is left out.
  void finish(const backend::Batch& batch, const CpuKvStore* kv);

  const std::vector<backend::StepProfile>& sums() const { return sums_; }
  void reset();

 private:
  // On cache lines of its own: each thread writes only its own.
  struct alignas(64) ThreadTimes {
    Clock::time_point last;
    std::vector<int64_t> work_ns, wait_ns;  // of the present run, by step
  };

  ThreadTimes& note(int thread) { return times_[static_cast<size_t>(thread)]; }
  // Nanoseconds since this thread's last mark.
  int64_t lap(int thread);
  void add_costs(const backend::Batch& batch, const CpuKvStore* kv);

  const graph::Graph& graph_;
  const std::vector<Step>& steps_;
  std::vector<ThreadTimes> times_;
  std::vector<backend::StepProfile> sums_;
  std::vector<graph::SequenceLoad> sequences_;
};

}  // namespace hearth::cpu
