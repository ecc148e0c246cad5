// SPDX-License-Identifier: MIT
#include "backend/cpu/profiler.h"

#include <algorithm>

namespace hearth::cpu {
namespace {

int64_t ns_between(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(to - from).count();
}

}  // namespace

Profiler::Profiler(const graph::Graph& graph, const std::vector<Step>& steps, int n_threads)
    : graph_(graph), steps_(steps), times_(static_cast<size_t>(n_threads)) {
  for (ThreadTimes& thread : times_) {
    thread.work_ns.resize(steps.size());
    thread.wait_ns.resize(steps.size());
  }
  reset();
}

void Profiler::reset() {
  sums_.assign(steps_.size(), {});
  for (size_t i = 0; i < steps_.size(); ++i) sums_[i].name = steps_[i].name;
}

int64_t Profiler::lap(int thread) {
  ThreadTimes& times = times_[static_cast<size_t>(thread)];
  const Clock::time_point now = Clock::now();
  const int64_t ns = ns_between(times.last, now);
  times.last = now;
  return ns;
}

void Profiler::finish(const backend::Batch& batch, const CpuKvStore* kv) {
  if (steps_.empty()) return;
  // The end of the run is the barrier behind the last step.
  const Clock::time_point end = Clock::now();
  for (ThreadTimes& thread : times_) {
    thread.wait_ns.back() = std::max<int64_t>(ns_between(thread.last, end), 0);
  }
  const auto n_threads = static_cast<int64_t>(times_.size());
  for (size_t i = 0; i < steps_.size(); ++i) {
    int64_t work = 0, slowest = 0, wait = 0;
    for (const ThreadTimes& thread : times_) {
      work += thread.work_ns[i];
      slowest = std::max(slowest, thread.work_ns[i]);
      wait += thread.wait_ns[i];
    }
    sums_[i].n_runs += 1;
    sums_[i].work_ns += work / n_threads;
    sums_[i].slowest_ns += slowest;
    sums_[i].wait_ns += wait / n_threads;
  }
  add_costs(batch, kv);
}

void Profiler::add_costs(const backend::Batch& batch, const CpuKvStore* kv) {
  sequences_.clear();
  for (size_t i = 0; i < batch.tokens.size(); ++i) {
    // The rows of a sequence lie together, in ascending position.
    if (i == 0 || batch.i_sequence[i] != batch.i_sequence[i - 1]) {
      sequences_.push_back({batch.positions[i], 0});
    }
    ++sequences_.back().n_new;
  }
  graph::BatchLoad load{.sequences = sequences_,
                        .n_outputs = static_cast<int>(batch.outputs.size())};
  if (kv != nullptr) {
    load.k = kv->format().k;
    load.v = kv->format().v;
  }
  for (size_t i = 0; i < steps_.size(); ++i) {
    for (const Work& work : steps_[i].works) {
      const graph::Node& node = graph_.nodes()[static_cast<size_t>(work.i_node)];
      sums_[i].cost += graph::cost_of(graph_, node, load, work.weight);
    }
  }
}

}  // namespace hearth::cpu
