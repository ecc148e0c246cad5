// SPDX-License-Identifier: MIT
// The figures that are derived from measured ones: spreads, ratios, fractions of limits, sums of
// steps, and the judgement about a busy machine.
#include "cli/bench_result.h"

#include <gtest/gtest.h>

#include "cli/bench_profile.h"

namespace hearth::cli {
namespace {

cpu::Limits limits_of(double read, double int8) {
  cpu::Limits limits;
  limits.read_bytes_per_s = read;
  limits.int8_macs_per_s = int8;
  return limits;
}

TEST(BenchResult, the_median_of_an_even_number_lies_between_the_two_in_the_middle) {
  const Spread odd = spread_of({3, 1, 2}), even = spread_of({4, 1, 2, 10}), none = spread_of({});
  EXPECT_EQ(odd.median, 2);
  EXPECT_EQ(even.median, 3);
  EXPECT_EQ(even.min, 1);
  EXPECT_EQ(even.max, 10);
  EXPECT_EQ(even.relative(), 3);
  EXPECT_EQ(none.relative(), 0);
}

TEST(BenchResult, ratios_are_taken_pair_by_pair) {
  const CaseResult result{.tps = {10, 20, 30}, .peer_tps = {5, 5, 10}};
  EXPECT_EQ(result.ratios(), (std::vector<double>{2, 4, 3}));
}

TEST(BenchResult, fractions_are_of_the_better_limit) {
  BenchLimits limits;
  EXPECT_FALSE(limits.measured());
  limits.before = limits_of(100, 900);
  limits.after = limits_of(200, 1000);
  const CaseResult result{.tps = {4, 5, 9},
                          .cost = {.bytes = 10, .macs = 60, .attention_macs = 20}};
  EXPECT_EQ(limits.read_fraction(result), 10.0 * 5 / 200);
  EXPECT_EQ(limits.int8_fraction(result), 80.0 * 5 / 1000);
}

TEST(BenchResult, a_quiet_machine_has_no_reasons_and_each_disturbance_has_its_own) {
  BenchResult quiet;
  quiet.cases.push_back({.what = {.n_tokens = 32}, .tps = {100, 101, 95}});
  quiet.limits.before = limits_of(100, 1000);
  quiet.limits.after = limits_of(95, 1050);
  quiet.others_share = 0.01;
  EXPECT_TRUE(busy_reasons(quiet).empty());

  BenchResult others = quiet;
  others.others_share = 0.34;
  ASSERT_EQ(busy_reasons(others).size(), 1u);
  EXPECT_EQ(busy_reasons(others)[0], "other programs used 34 % of the processors");

  BenchResult uneven = quiet;
  uneven.cases[0].tps = {100, 50, 100};
  ASSERT_EQ(busy_reasons(uneven).size(), 1u);
  EXPECT_EQ(busy_reasons(uneven)[0], "the runs of decode 32 differ by 50 %");

  BenchResult drifting = quiet;
  drifting.limits.after = limits_of(50, 1000);
  ASSERT_EQ(busy_reasons(drifting).size(), 1u);
  EXPECT_EQ(busy_reasons(drifting)[0], "the read limit changed by 50 % during the measurement");

  BenchResult unknown = quiet;
  unknown.others_share.reset();
  EXPECT_TRUE(busy_reasons(unknown).empty());
}

backend::StepProfile step(std::string name, int64_t work_ns, double bytes) {
  return {.name = std::move(name),
          .n_runs = 2,
          .work_ns = work_ns,
          .slowest_ns = 2 * work_ns,
          .wait_ns = 1'000'000,
          .cost = {.bytes = bytes, .macs = 3 * bytes, .attention_macs = bytes}};
}

TEST(BenchProfile, steps_of_all_layers_add_up_by_kind_and_per_run) {
  const std::vector<backend::StepProfile> steps = {
      step("embed", 2'000'000, 0), step("blk.0.q", 4'000'000, 8e6),
      step("blk.0.q.prepare", 2'000'000, 0), step("blk.10.q", 6'000'000, 16e6),
      step("logits", 2'000'000, 4e6)};
  const auto rows = profile_by_kind(steps);
  ASSERT_EQ(rows.size(), 4u);
  const char* const kinds[] = {"embed", "q", "q.prepare", "logits"};
  for (size_t i = 0; i < rows.size(); ++i) EXPECT_EQ(rows[i].kind, kinds[i]);
  const ProfileRow& q = rows[1];
  EXPECT_EQ(q.n_steps, 2);
  EXPECT_DOUBLE_EQ(q.work_ms, 5);
  EXPECT_DOUBLE_EQ(q.slowest_ms, 10);
  EXPECT_DOUBLE_EQ(q.wait_ms, 1);
  EXPECT_DOUBLE_EQ(q.cost.bytes, 12e6);
  EXPECT_DOUBLE_EQ(q.bytes_per_s(), 1.2e9);
  EXPECT_DOUBLE_EQ(q.macs_per_s(), 4.8e9);
  BenchLimits limits;
  EXPECT_EQ(q.limit_fraction(limits), 0);
  limits.before = limits.after = limits_of(2.4e9, 48e9);
  EXPECT_DOUBLE_EQ(q.limit_fraction(limits), 0.5);
  limits.before = limits.after = limits_of(24e9, 6e9);
  EXPECT_DOUBLE_EQ(q.limit_fraction(limits), 0.8);
}

TEST(BenchProfile, steps_that_never_ran_are_left_out) {
  backend::StepProfile never = step("blk.0.q", 1, 1);
  never.n_runs = 0;
  EXPECT_TRUE(profile_by_kind(std::vector{never}).empty());
}

}  // namespace
}  // namespace hearth::cli
