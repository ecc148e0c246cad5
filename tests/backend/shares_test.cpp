// SPDX-License-Identifier: MIT
#include "backend/cpu/shares.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace hearth::cpu {
namespace {

TEST(Shares, parts_are_in_order_cover_everything_once_and_follow_the_speeds) {
  std::mt19937 random(1);
  std::uniform_real_distribution<double> speed(0.3, 3.0);
  for (int n = 1; n <= 9; ++n) {
    std::vector<double> speeds(static_cast<size_t>(n));
    for (double& s : speeds) s = speed(random);
    for (const Shares& shares : {Shares(n), Shares(n, speeds)}) {
      for (const int64_t total : {0, 1, 2, 15, 16, 17, 70, 576, 1536, 151'936}) {
        for (const int64_t multiple : {1, 3, 16}) {
          int64_t next = 0;
          for (int i = 0; i < n; ++i) {
            const Slice part = shares.part(total, i, multiple);
            ASSERT_EQ(part.begin, next);
            ASSERT_GE(part.size(), 0);
            if (part.begin != total) {
              ASSERT_EQ(part.begin % multiple, 0);
            }
            ASSERT_NEAR(static_cast<double>(part.size()), shares.of(i) * static_cast<double>(total),
                        2.0 * static_cast<double>(multiple) + 1e-4 * static_cast<double>(total));
            next = part.end;
          }
          ASSERT_EQ(next, total);
        }
        for (int64_t at = 0; at < total; at += 1 + total / 50) {
          int owners = 0;
          for (int i = 0; i < n; ++i) owners += shares.has(at, total, i) ? 1 : 0;
          ASSERT_EQ(owners, 1) << at << " of " << total;
        }
      }
    }
  }
}

TEST(Shares, equal_ones_differ_by_one_piece) {
  const Shares shares(4);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(shares.part(64, i, 16).size(), 16);
    EXPECT_NEAR(static_cast<double>(shares.part(102, i).size()), 25.5, 0.51);
  }
}

// The times of a run whose work takes 1 s on a thread of speed 1.
std::vector<int64_t> busy_ns(const Shares& shares, const std::vector<double>& speeds) {
  std::vector<int64_t> busy;
  for (int i = 0; i < shares.n_threads(); ++i) {
    busy.push_back(static_cast<int64_t>(1e9 * shares.of(i) / speeds[static_cast<size_t>(i)]));
  }
  return busy;
}

void run_once(Shares& shares, const std::vector<int64_t>& busy) {
  const int64_t run = *std::max_element(busy.begin(), busy.end());
  std::vector<int64_t> waited;
  for (const int64_t ns : busy) waited.push_back(run - ns);
  shares.learn(run, waited);
}

TEST(Shares, come_to_follow_the_speeds_and_follow_them_again_when_they_change) {
  Shares shares(4);
  for (const auto& speeds : {std::vector{1.0, 1.0, 0.5, 0.25}, std::vector{1.0, 1.0, 1.0, 1.0}}) {
    const double sum = speeds[0] + speeds[1] + speeds[2] + speeds[3];
    for (int i = 0; i < 150; ++i) run_once(shares, busy_ns(shares, speeds));
    for (int i = 0; i < 4; ++i) {
      EXPECT_NEAR(shares.of(i), speeds[static_cast<size_t>(i)] / sum, 0.005) << i;
    }
  }
}

TEST(Shares, one_disturbed_run_changes_little) {
  Shares shares(2);
  run_once(shares, {1'500'000, 12'000'000});
  EXPECT_NEAR(shares.of(0), 0.5, 0.01);
  EXPECT_GT(shares.of(0), 0.5);
}

TEST(Shares, no_thread_is_given_nothing_for_good) {
  Shares shares(2);
  for (int i = 0; i < 1000; ++i) run_once(shares, {1'000, 1'000'000'000});
  EXPECT_GT(shares.of(1), 0.05);
  for (int i = 0; i < 300; ++i) run_once(shares, busy_ns(shares, {1.0, 1.0}));
  EXPECT_NEAR(shares.of(1), 0.5, 0.01);
}

}  // namespace
}  // namespace hearth::cpu
