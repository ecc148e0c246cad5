// SPDX-License-Identifier: MIT
// How the work of a step is divided among threads: each takes as much as it was quick in the runs
// before, so that a slow core (an efficiency core, or one that another program uses too) holds up
// nobody. No result depends on it. Thread rule: learn() while no run is on.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"

namespace hearth::cpu {

class Shares {
 public:
  // In proportion to `speeds`, one positive number for each thread; none: equal shares.
  explicit Shares(int n_threads, std::span<const double> speeds = {});

  int n_threads() const { return static_cast<int>(weights_.size()); }
  // A thread's part of the whole; together they are 1.
  double of(int thread) const { return weights_[static_cast<size_t>(thread)]; }

  // A thread's part of [0, total), total below 2^46: the parts are in order, cover everything once
  // and start at multiples of `multiple`.
  Slice part(int64_t total, int thread, int64_t multiple = 1) const;
  // Whether `at`, in [0, total), is in a thread's part: for work in pieces that cannot be cut.
  bool has(int64_t at, int64_t total, int thread) const;

  // After a run: its length, and how much of that each thread waited for others. Who waited takes
  // more next time, by little after a short run, which may just have been disturbed.
  void learn(int64_t run_ns, std::span<const int64_t> waited_ns);

 private:
  void set_ends();

  static constexpr int64_t kWhole = int64_t{1} << 16;
  std::vector<double> weights_;
  std::vector<int64_t> ends_;  // [n_threads + 1], of kWhole: where parts begin and end
};

}  // namespace hearth::cpu
