// SPDX-License-Identifier: MIT
// The profile of a program's steps: its costs are the graph's, its times fit into the time of the
// runs, and it changes no answer.
#include <gtest/gtest.h>

#include "base/clock.h"
#include "tests/engine/toy_engine.h"

namespace hearth::engine {
namespace {

using test::ToyEngine;

graph::Cost sum_of_costs(const std::vector<backend::StepProfile>& steps) {
  graph::Cost sum;
  for (const backend::StepProfile& step : steps) sum += step.cost;
  return sum;
}

TEST(Profile, costs_of_the_steps_add_up_to_those_of_the_graph) {
  for (const test::ToyCase& c : test::decoder_cases()) {
    SCOPED_TRACE(c.name);
    test::EngineSetup setup;
    setup.options.profile = true;
    auto engine = ToyEngine::make(c.options, setup);
    ASSERT_TRUE(engine) << engine.error().message;
    auto sequence = (*engine)->open_sequence();
    ASSERT_TRUE(sequence);
    const auto tokens = test::some_tokens(9, (*engine)->hparams().V);
    graph::Cost expected;
    for (const auto& [begin, n] : {std::pair<size_t, size_t>{0, 7}, {7, 1}, {8, 1}}) {
      const StepPart part{&*sequence, std::span(tokens).subspan(begin, n), Want::kLast};
      ASSERT_TRUE((*engine)->step({&part, 1}));
      const graph::SequenceLoad load[] = {{static_cast<int>(begin), static_cast<int>(n)}};
      expected += graph::cost_of((*engine)->graph(), {.sequences = load, .n_outputs = 1});
    }
    const auto profile = (*engine)->profile();
    ASSERT_FALSE(profile.empty());
    EXPECT_EQ(profile.front().n_runs, 3);
    const graph::Cost cost = sum_of_costs(profile);
    // Equal but for the order in which doubles are added.
    EXPECT_NEAR(cost.bytes, expected.bytes, 1e-9 * expected.bytes);
    EXPECT_NEAR(cost.macs, expected.macs, 1e-9 * expected.macs);
    EXPECT_NEAR(cost.attention_macs, expected.attention_macs, 1e-9 * expected.attention_macs);
    (*engine)->reset_profile();
    EXPECT_TRUE((*engine)->profile().empty());
  }
}

TEST(Profile, work_and_waiting_fit_into_the_time_of_the_runs) {
  for (const int n_threads : {1, 2}) {
    test::EngineSetup setup{.n_threads = n_threads};
    setup.options.profile = true;
    auto engine = ToyEngine::make({.arch = "llama"}, setup);
    ASSERT_TRUE(engine) << engine.error().message;
    auto sequence = (*engine)->open_sequence();
    ASSERT_TRUE(sequence);
    const auto tokens = test::some_tokens(20, (*engine)->hparams().V);
    const Stopwatch watch;
    for (const int32_t& token : tokens) {
      const StepPart part{&*sequence, {&token, 1}, Want::kLast};
      ASSERT_TRUE((*engine)->step({&part, 1}));
    }
    const double elapsed_ns = watch.elapsed_ms() * 1e6;
    int64_t sum = 0;
    for (const backend::StepProfile& step : (*engine)->profile()) {
      EXPECT_EQ(step.n_runs, 20);
      EXPECT_GE(step.slowest_ns, step.work_ns) << step.name;
      EXPECT_LE(step.slowest_ns, n_threads * (step.work_ns + step.n_runs)) << step.name;
      sum += step.work_ns + step.wait_ns;
    }
    EXPECT_GT(sum, 0);
    EXPECT_LE(static_cast<double>(sum), elapsed_ns);
  }
}

TEST(Profile, it_changes_no_answer_and_is_off_by_default) {
  test::Rows rows[2];
  for (const bool on : {false, true}) {
    test::EngineSetup setup{.n_threads = 2};
    setup.options.profile = on;
    auto engine = ToyEngine::make({.arch = "gemma3"}, setup);
    ASSERT_TRUE(engine) << engine.error().message;
    const auto tokens = test::some_tokens(30, (*engine)->hparams().V);
    auto got = test::rows_of(**engine, tokens, 8);
    ASSERT_TRUE(got);
    rows[on ? 1 : 0] = std::move(*got);
    EXPECT_EQ((*engine)->profile().empty(), !on);
  }
  EXPECT_EQ(test::first_difference(rows[0], rows[1], 1), -1);
}

}  // namespace
}  // namespace hearth::engine
