// SPDX-License-Identifier: MIT
#include "backend/cpu/pieces.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

namespace hearth::cpu {
namespace {

constexpr int64_t kMultiple = 16;

TEST(Pieces, of_a_share_are_in_order_cover_it_once_and_are_not_too_small) {
  for (const int64_t begin : {0, 16, 4480}) {
    for (const int64_t size : {0, 16, 64, 70, 300, 768, 4480, 75'968}) {
      for (const int64_t least : {64, 100, 303, 1'000'000}) {
        const Slice share{begin, begin + size};
        int64_t next = begin;
        for (int i = 0; next < share.end; ++i) {
          const Slice piece = piece_of(share, i, least);
          ASSERT_EQ(piece.begin, next);
          ASSERT_FALSE(piece.empty());
          ASSERT_EQ((piece.begin - begin) % kPieceMultiple, 0);
          // What is left over by rounding may be a little less.
          if (size >= least) {
            ASSERT_GE(piece.size(), least - kPieceMultiple);
          }
          next = piece.end;
        }
        ASSERT_EQ(next, share.end);
        ASSERT_TRUE(piece_of(share, 64, least).empty());
      }
    }
  }
}

// Runs job(thread) on n threads at once.
template <class F>
void on_threads(int n, const F& job) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < n; ++i) threads.emplace_back([&job, i] { job(i); });
}

TEST(Pieces, give_every_column_of_many_steps_to_one_thread) {
  constexpr int kSteps = 300;
  for (const int n : {1, 2, 3, 8}) {
    std::vector<double> speeds;
    for (int i = 0; i < n; ++i) speeds.push_back(1.0 + i % 3);
    const Shares shares(n, speeds);
    Pieces pieces(n);
    // Steps without a barrier between them: each has counters of its own.
    const auto total = [](int step) { return 100 + 97 * (step % 40); };
    std::vector<std::vector<std::atomic<int>>> times;
    for (int step = 0; step < kSteps; ++step) {
      times.emplace_back(static_cast<size_t>(total(step)));
    }
    on_threads(n, [&](int thread) {
      for (int step = 0; step < kSteps; ++step) {
        auto& counts = times[static_cast<size_t>(step)];
        pieces.work(shares, total(step), kMultiple, 64, thread, [&](const Slice& piece) {
          for (int64_t i = piece.begin; i < piece.end; ++i) ++counts[static_cast<size_t>(i)];
        });
      }
    });
    for (const auto& counts : times) {
      for (const std::atomic<int>& count : counts) ASSERT_EQ(count.load(), 1);
    }
  }
}

TEST(Pieces, whole_shares_where_there_is_little_to_do) {
  const Shares shares(4);
  Pieces pieces(4);
  std::mutex mutex;
  std::vector<std::vector<int64_t>> begins(4);
  on_threads(4, [&](int thread) {
    pieces.work(shares, 2 * 4 * 64 - 1, kMultiple, 64, thread, [&](const Slice& piece) {
      const std::lock_guard lock(mutex);
      EXPECT_EQ(piece.begin, shares.part(2 * 4 * 64 - 1, thread, kMultiple).begin);
      begins[static_cast<size_t>(thread)].push_back(piece.begin);
    });
  });
  for (const auto& of_thread : begins) EXPECT_EQ(of_thread.size(), 1u);
}

// Plain numbers: wait_for_own must make what others wrote visible (the thread sanitizer looks too).
TEST(Pieces, a_thread_that_goes_on_sees_its_whole_share_done) {
  constexpr int kThreads = 3, kSteps = 200;
  constexpr int64_t kTotal = 1500;
  const Shares shares(kThreads);
  Pieces pieces(kThreads);
  std::vector<std::vector<int>> values(kSteps, std::vector<int>(kTotal));
  on_threads(kThreads, [&](int thread) {
    for (int step = 0; step < kSteps; ++step) {
      auto& of_step = values[static_cast<size_t>(step)];
      // Each in turn is slow.
      if (step % (2 * kThreads) == thread) {
        std::this_thread::sleep_for(std::chrono::microseconds(300));
      }
      pieces.work(shares, kTotal, kMultiple, 64, thread, [&](const Slice& piece) {
        for (int64_t i = piece.begin; i < piece.end; ++i) {
          of_step[static_cast<size_t>(i)] = step + 1;
        }
      });
      pieces.wait_for_own(thread);
      const Slice own = shares.part(kTotal, thread, kMultiple);
      for (int64_t i = own.begin; i < own.end; ++i) {
        EXPECT_EQ(of_step[static_cast<size_t>(i)], step + 1);
      }
    }
  });
}

TEST(Pieces, a_stopped_thread_is_helped_and_the_help_is_counted) {
  constexpr int64_t kTotal = 4096;
  const Shares shares(2);
  Pieces pieces(2);
  std::atomic<int64_t> done{0}, done_by_helper{0};
  std::atomic<bool> helped{false};
  on_threads(2, [&](int thread) {
    // The second does not even begin before the first has done everything.
    while (thread == 1 && !helped.load()) std::this_thread::yield();
    pieces.work(shares, kTotal, kMultiple, 64, thread, [&](const Slice& piece) {
      done += piece.size();
      if (thread == 0) done_by_helper += piece.size();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    });
    helped = true;
  });
  EXPECT_EQ(done.load(), kTotal);
  EXPECT_EQ(done_by_helper.load(), kTotal);
  EXPECT_GE(pieces.helped_ns(0), 1'000'000);
  EXPECT_EQ(pieces.helped_ns(1), 0);
}

}  // namespace
}  // namespace hearth::cpu
