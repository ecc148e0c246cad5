// SPDX-License-Identifier: MIT
#include "base/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/resource.h>

#include <chrono>
#include <memory>
#include <numeric>
#include <thread>
#include <vector>

namespace hearth {
namespace {

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

TEST(Slice, parts_are_in_order_cover_everything_once_and_are_even) {
  for (int64_t total = 0; total <= 70; ++total) {
    for (int n = 1; n <= 9; ++n) {
      for (const int64_t multiple : {1, 2, 3, 4, 16, 64, 100}) {
        const int64_t units = (total + multiple - 1) / multiple;
        int64_t next = 0;
        for (int i = 0; i < n; ++i) {
          const Slice part = slice(total, i, n, multiple);
          ASSERT_EQ(part.begin, next);
          ASSERT_GE(part.size(), 0);
          ASSERT_LE(part.size(), (units + n - 1) / n * multiple);
          if (!part.empty()) {
            ASSERT_EQ(part.begin % multiple, 0);
          }
          if (part.end != total) {
            ASSERT_GE(part.size(), units / n * multiple);
          }
          next = part.end;
        }
        ASSERT_EQ(next, total) << n << " parts, multiple " << multiple;
      }
    }
  }
}

TEST(Slice, a_range_near_the_end_of_int64_does_not_overflow) {
  const int64_t most = INT64_MAX - 64;
  const Slice last = slice(most, 2, 3, 32);
  EXPECT_EQ(last.end, most);
  EXPECT_EQ(slice(most, 1, 3, 32).end, last.begin);
}

TEST(ThreadPool, time_at_barriers_is_told_of_those_who_wait) {
  ThreadPool pool(2);
  pool.run([&](int thread) {
    if (thread == 1) std::this_thread::sleep_for(std::chrono::milliseconds(30));
    pool.barrier(thread);
    pool.barrier(thread);
  });
  pool.run([&](int) {});  // the last wait of the first run is told by now
  EXPECT_GE(pool.waited_ns(0), 5'000'000);
  EXPECT_LT(pool.waited_ns(1), pool.waited_ns(0));
}

TEST(ThreadPool, every_thread_runs_the_job_once_and_the_caller_is_thread_0) {
  for (const int n : {1, 2, 3, 8}) {
    ThreadPool pool(n);
    ASSERT_EQ(pool.size(), n);
    std::vector<int> calls(static_cast<size_t>(n), 0);
    const auto caller = std::this_thread::get_id();
    for (int round = 1; round <= 100; ++round) {
      pool.run([&](int thread) {
        ++calls[static_cast<size_t>(thread)];
        EXPECT_EQ(thread == 0, std::this_thread::get_id() == caller);
      });
      for (const int count : calls) ASSERT_EQ(count, round);
    }
  }
}

// Each step reads what all threads wrote in the step before: a barrier that lets one thread pass
// early gives a wrong sum (and a report under ThreadSanitizer).
void expect_steps_in_order(int n_threads, int n_steps) {
  ThreadPool pool(n_threads);
  const auto n = static_cast<size_t>(pool.size());
  std::vector<int64_t> now(n, 1), next(n, 0);
  int64_t wrong = 0;
  pool.run([&](int thread) {
    int64_t expected = static_cast<int64_t>(n);
    for (int step = 0; step < n_steps; ++step) {
      const auto& from = step % 2 == 0 ? now : next;
      auto& to = step % 2 == 0 ? next : now;
      const int64_t sum = std::accumulate(from.begin(), from.end(), int64_t{0});
      if (thread == 0 && sum != expected) ++wrong;
      to[static_cast<size_t>(thread)] = from[static_cast<size_t>(thread)] + 1;
      expected += static_cast<int64_t>(n);
      pool.barrier(thread);
    }
  });
  EXPECT_EQ(wrong, 0);
}

TEST(ThreadPool, a_barrier_separates_the_steps) { expect_steps_in_order(2, 20000); }

TEST(ThreadPool, a_barrier_separates_the_steps_with_more_threads_than_processors) {
  expect_steps_in_order(static_cast<int>(std::thread::hardware_concurrency()) * 4 + 3, 500);
}

TEST(ThreadPool, a_hundred_thousand_tiny_runs_lose_nothing) {
  ThreadPool pool(2);
  int64_t counts[2] = {0, 0};
  for (int i = 0; i < 100'000; ++i) pool.run([&](int thread) { ++counts[thread]; });
  EXPECT_EQ(counts[0], 100'000);
  EXPECT_EQ(counts[1], 100'000);
}

TEST(ThreadPool, tiny_runs_with_more_threads_than_processors_lose_nothing) {
  const int n = static_cast<int>(std::thread::hardware_concurrency()) * 2 + 2;
  ThreadPool pool(n);
  std::vector<int64_t> counts(static_cast<size_t>(n), 0);
  for (int i = 0; i < 3000; ++i) {
    pool.run([&](int thread) {
      ++counts[static_cast<size_t>(thread)];
      pool.barrier(thread);
      ++counts[static_cast<size_t>(thread)];
    });
  }
  for (const int64_t count : counts) EXPECT_EQ(count, 6000);
}

TEST(ThreadPool, a_worker_that_slept_wakes_for_the_next_run) {
  ThreadPool pool(3);
  std::vector<int> calls(3, 0);
  for (int round = 0; round < 20; ++round) {
    // Longer than any spin, so that the workers are asleep.
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    pool.run([&](int thread) {
      // Longer than the spin at a barrier, for the threads that wait.
      if (thread == round % 3) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      pool.barrier(thread);
      ++calls[static_cast<size_t>(thread)];
    });
  }
  EXPECT_EQ(calls, std::vector<int>(3, 20));
}

TEST(ThreadPool, an_idle_pool_uses_no_processor_time) {
  ThreadPool pool(2);
  pool.run([](int) {});
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // A spinning worker would use 0.3 s; a sleeping one uses nothing but the tick that measures it.
  EXPECT_LT(cpu_seconds() - before, 0.1);
}

TEST(ThreadPool, threads_that_share_one_processor_do_not_burn_it_while_they_wait) {
  cpu_set_t all;
  ASSERT_EQ(sched_getaffinity(0, sizeof(all), &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "needs two processors";
  ThreadPool pool(2);  // knows two processors, so it spins
  pool.run([&](int) {
    cpu_set_t one;
    CPU_ZERO(&one);
    for (int i = 0; CPU_COUNT(&one) == 0; ++i) {
      if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    }
    EXPECT_EQ(sched_setaffinity(0, sizeof(one), &one), 0);
  });
  constexpr int kSteps = 5000;
  const double before = cpu_seconds();
  pool.run([&](int thread) {
    for (int step = 0; step < kSteps; ++step) pool.barrier(thread);
  });
  const double seconds = cpu_seconds() - before;
  sched_setaffinity(0, sizeof(all), &all);
  // Spinning for 100 us at each barrier would take 0.5 s.
  EXPECT_LT(seconds, 0.25);
}

TEST(ThreadPool, pools_come_and_go_without_a_run) {
  for (int i = 0; i < 200; ++i) {
    const ThreadPool pool(1 + i % 5);
    EXPECT_EQ(pool.size(), 1 + i % 5);
  }
}

TEST(ThreadPoolDeathTest, a_run_inside_a_run_is_a_programmers_mistake) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        ThreadPool pool(1);
        pool.run([&](int) { pool.run([](int) {}); });
      },
      "check failed");
}

}  // namespace
}  // namespace hearth
