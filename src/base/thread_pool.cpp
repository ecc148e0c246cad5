// SPDX-License-Identifier: MIT
// Waiting is in two stages: spin for as long as a neighbour is likely to need, then sleep in the
// kernel. Spinning is wrong where the awaited thread needs the very processor that it burns: with
// more threads than processors, or when other programs keep them busy. So a pool that is larger
// than the machine never spins, and a thread whose spinning was in vain spins shorter from then on.
#include "base/thread_pool.h"

#include <algorithm>
#include <system_error>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

namespace hearth {
namespace {

// Going to sleep and being woken costs 5 to 50 us; the shares of one step end within that.
constexpr int64_t kBarrierSpinNs = 100'000;
// Between two tokens the caller samples and prints; longer pauses are idleness.
constexpr int64_t kIdleSpinNs = 300'000;
// What a thread falls back to, by halves, while its spinning is in vain.
constexpr int64_t kLeastSpinNs = 1'000;
// One wait in so many spins for the full time again, to learn that the processor is free once more.
constexpr uint32_t kWaitsPerProbe = 64;
// Between two looks at the clock: a pause takes 10 to 50 ns, a look about 25.
constexpr int kPausesPerClock = 16;

void pause_processor() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

Slice slice(int64_t total, int i, int n, int64_t multiple) {
  CHECK(total >= 0 && n >= 1 && i >= 0 && i < n && multiple >= 1);
  const int64_t units = total / multiple + (total % multiple != 0);
  const int64_t each = units / n;
  const int64_t larger = units % n;  // the first `larger` parts have one unit more
  const int64_t first = each * i + std::min<int64_t>(i, larger);
  const int64_t last = first + each + (i < larger ? 1 : 0);
  return {std::min(first * multiple, total), std::min(last * multiple, total)};
}

ThreadPool::ThreadPool(int n_threads) : waiters_(static_cast<size_t>(std::max(n_threads, 0))) {
  CHECK(n_threads >= 1);
  workers_.reserve(static_cast<size_t>(n_threads - 1));
  for (Waiter& waiter : waiters_) {
    waiter.at_barrier = {kBarrierSpinNs, kBarrierSpinNs, 0};
    waiter.for_run = {kIdleSpinNs, kIdleSpinNs, 0};
  }
  may_spin_ = static_cast<unsigned>(n_threads) <= std::thread::hardware_concurrency();
  for (int thread = 1; thread < n_threads; ++thread) {
    try {
      workers_.emplace_back([this, thread] { work(thread); });
    } catch (const std::system_error& error) {
      log_warn("{} threads instead of {}: {}", thread, n_threads, error.what());
      break;
    }
  }
  n_threads_ = static_cast<int>(workers_.size()) + 1;
}

ThreadPool::~ThreadPool() {
  CHECK(!busy_.load());
  stopping_ = true;
  run_.fetch_add(1);
  run_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(FunctionRef<void(int)> job) {
  CHECK(!busy_.exchange(true, std::memory_order_acquire));
  if (n_threads_ > 1) {
    job_ = &job;
    // Sequentially consistent, as in barrier().
    run_.fetch_add(1);
    run_.notify_all();
  }
  job(0);
  barrier(0);
  busy_.store(false, std::memory_order_release);
}

void ThreadPool::barrier(int thread) {
  CHECK(thread >= 0 && thread < n_threads_);
  if (n_threads_ == 1) return;
  // Read before arriving: nobody can pass this barrier, and so change the phase, before we arrive.
  const uint32_t phase = phase_.load(std::memory_order_relaxed);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < n_threads_) {
    Waiter& waiter = waiters_[static_cast<size_t>(thread)];
    const Stopwatch watch;
    wait_for_change(phase_, phase, waiter.at_barrier);
    const int64_t waited = waiter.waited_ns.load(std::memory_order_relaxed) + watch.elapsed_ns();
    waiter.waited_ns.store(waited, std::memory_order_relaxed);
    return;
  }
  arrived_.store(0, std::memory_order_relaxed);
  // Sequentially consistent: notify_all looks whether anybody sleeps, and that look must not come
  // before the new value is visible, or a thread could fall asleep unseen and never be woken.
  phase_.fetch_add(1);
  phase_.notify_all();
}

void ThreadPool::work(int thread) {
  uint32_t seen = 0;
  Patience& patience = waiters_[static_cast<size_t>(thread)].for_run;
  while (true) {
    wait_for_change(run_, seen, patience);
    ++seen;
    if (stopping_) return;
    (*job_)(thread);
    barrier(thread);
  }
}

void ThreadPool::wait_for_change(const std::atomic<uint32_t>& word, uint32_t old,
                                 Patience& patience) const {
  if (may_spin_) {
    const bool is_probe = ++patience.waits % kWaitsPerProbe == 0;
    const int64_t spin_ns = is_probe ? patience.most_ns : patience.ns;
    const Clock::time_point end = Clock::now() + std::chrono::nanoseconds(spin_ns);
    do {
      for (int i = 0; i < kPausesPerClock; ++i) {
        if (word.load(std::memory_order_acquire) != old) {
          patience.ns = patience.most_ns;
          return;
        }
        pause_processor();
      }
    } while (Clock::now() < end);
    patience.ns = std::max(patience.ns / 2, kLeastSpinNs);
  }
  word.wait(old, std::memory_order_acquire);
}

}  // namespace hearth
