// SPDX-License-Identifier: MIT
// The threads that compute: made once, woken for each run, asleep in between. All threads execute
// the same job and meet at barriers, so a forward pass is one run with a barrier after each step.
// Nothing is allocated per run, and no thread is pinned: the system places them.
// Thread rule: one run at a time, and no run from inside a run (checked).
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "base/function_ref.h"

namespace hearth {

// A part [begin, end) of a range of work items.
struct Slice {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }
  bool empty() const { return begin >= end; }
};

// Part `i` of `n` of [0, total): the parts are in order, cover everything once, start at multiples
// of `multiple`, and differ by at most one multiple (the last also by the remainder).
Slice slice(int64_t total, int i, int n, int64_t multiple = 1);

class ThreadPool {
 public:
  // `n_threads` of at least 1 count the caller of run(). Where the system refuses a thread, the
  // pool is smaller, which the log says: use size().
  explicit ThreadPool(int n_threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return n_threads_; }

  // Calls job(thread) once on each thread, 0 to size() - 1, the caller being thread 0. Returns when
  // all have returned; what they wrote is visible to the caller. The job must not throw.
  void run(FunctionRef<void(int thread)> job);

  // Inside a job: returns when every thread of the pool has arrived. Either all threads call it or
  // none. What was written before it is visible after it. `thread` is the job's argument.
  void barrier(int thread);

  // How long a thread has waited at barriers for the others, since the pool was made. Of the wait
  // that just ended at the end of a run, what other threads have not told yet may be missing.
  int64_t waited_ns(int thread) const {
    return waiters_[static_cast<size_t>(thread)].waited_ns.load(std::memory_order_relaxed);
  }

 private:
  // How long one thread spins before it sleeps, learnt from its last waits.
  struct Patience {
    int64_t most_ns = 0;
    int64_t ns = 0;
    uint32_t waits = 0;
  };
  // On a cache line of its own: each thread writes only its own.
  struct alignas(64) Waiter {
    Patience at_barrier, for_run;
    std::atomic<int64_t> waited_ns{0};
  };

  void work(int thread);
  void wait_for_change(const std::atomic<uint32_t>& word, uint32_t old, Patience& patience) const;

  // Each on a cache line of its own: `arrived_` is written by all threads while the others spin.
  alignas(64) std::atomic<uint32_t> run_{0};    // counts the runs; workers wait for a change
  alignas(64) std::atomic<uint32_t> phase_{0};  // counts the barriers that all have passed
  alignas(64) std::atomic<int> arrived_{0};     // threads at the present barrier
  alignas(64) std::atomic<bool> busy_{false};   // a run is on
  const FunctionRef<void(int)>* job_ = nullptr;
  bool stopping_ = false;
  bool may_spin_ = false;
  int n_threads_ = 1;
  std::vector<Waiter> waiters_;  // one per thread
  std::vector<std::thread> workers_;
};

}  // namespace hearth
