// SPDX-License-Identifier: MIT
// Attention over contexts longer than its chunks of positions (which end at 256, 512, 1024 and
// every 1024 from there): with windows, soft caps, sinks and MLA, for any batch and number of
// threads the same bits, and near the reference.
#include "tests/engine/toy_engine.h"

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::Rows;
using test::ToyEngine;

struct LongCase {
  const char* name;
  test::ToyOptions options;
};

// Windows that end inside of a chunk and reach over its begin.
std::vector<LongCase> long_cases() {
  return {
      {"llama", {.arch = "llama"}},
      {"gemma2", {.arch = "gemma2", .set = {{"attention.sliding_window", "300"}}, .tied = true}},
      {"gpt_oss", {.arch = "gpt-oss", .set = {{"attention.sliding_window", "70"}}}},
      {"deepseek2", {.arch = "deepseek2"}}};
}

Result<ToyEngine> long_engine(const LongCase& c, int n_threads, bool reference = false) {
  EngineSetup setup;
  setup.options = {.n_ctx = 2176, .max_batch = 512, .max_outputs = 512};
  setup.options.kv = {DType::kF32, DType::kF32};
  setup.n_threads = n_threads;
  setup.reference = reference;
  return ToyEngine::make(c.options, setup);
}

// Feeds tokens up to `end`.
void feed_to(Engine& engine, Sequence& sequence, std::span<const int32_t> tokens, int end,
             int chunk, Rows& rows) {
  const auto done = static_cast<size_t>(sequence.n_tokens());
  const Status status = test::feed(
      engine, sequence, tokens.subspan(done, static_cast<size_t>(end) - done), chunk, rows);
  ASSERT_TRUE(status) << status.error().message;
}

TEST(LongContext, few_tokens_at_a_time_give_what_many_give_on_both_sides_of_each_chunk) {
  constexpr int kTokens = 2070;
  for (const LongCase& c : long_cases()) {
    SCOPED_TRACE(c.name);
    auto whole = long_engine(c, 1);
    ASSERT_TRUE(whole) << whole.error().message;
    const int V = (*whole)->hparams().V;
    const auto tokens = test::some_tokens(kTokens, V);
    const auto expected = test::rows_of(**whole, tokens, 512);
    ASSERT_TRUE(expected) << expected.error().message;
    for (const int n_threads : {2, 3}) {
      auto toy = long_engine(c, n_threads);
      ASSERT_TRUE(toy) << toy.error().message;
      auto sequence = (*toy)->open_sequence();
      ASSERT_TRUE(sequence);
      Rows rows;
      for (const int edge : {256, 512, 1024, 2048}) {
        feed_to(**toy, *sequence, tokens, edge - 5, 100, rows);
        feed_to(**toy, *sequence, tokens, edge + 3, 1, rows);
        feed_to(**toy, *sequence, tokens, edge + 11, 4, rows);
      }
      feed_to(**toy, *sequence, tokens, kTokens, 7, rows);
      EXPECT_EQ(test::first_difference(*expected, rows, V), -1) << n_threads << " threads";
    }
  }
}

// The bound of tests/arch/toy_logits_test.cpp: about eight sums in a row for each layer, the
// longest over all positions, each of n terms wrong by at most n * 2^-24 of its size.
TEST(LongContext, logits_are_near_those_of_the_reference) {
  constexpr int kTokens = 1100;
  for (const LongCase& c : long_cases()) {
    SCOPED_TRACE(c.name);
    Rows rows[2];
    double bound = 0;
    for (const bool reference : {true, false}) {
      auto toy = long_engine(c, 2, reference);
      ASSERT_TRUE(toy) << toy.error().message;
      Engine& engine = **toy;
      const auto tokens = test::some_tokens(kTokens, engine.hparams().V);
      auto sequence = engine.open_sequence();
      ASSERT_TRUE(sequence);
      feed_to(engine, *sequence, tokens, kTokens - 3, 512, rows[reference]);
      feed_to(engine, *sequence, tokens, kTokens, 1, rows[reference]);
      bound = 8.0 * engine.hparams().L * kTokens * 0x1p-24;
    }
    ASSERT_EQ(rows[0].size(), rows[1].size());
    double largest = 0, worst = 0;
    for (size_t i = 0; i < rows[0].size(); ++i) {
      largest = std::max(largest, std::fabs(double{rows[1][i]}));
      worst = std::max(worst, std::fabs(double{rows[0][i]} - rows[1][i]));
    }
    EXPECT_LE(worst, bound * largest);
  }
}

}  // namespace
}  // namespace hearth::engine
