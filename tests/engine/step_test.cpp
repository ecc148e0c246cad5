// SPDX-License-Identifier: MIT
// Engine::step at its edges: full contexts, cancelled steps, strange tokens, pages that come back,
// nothing allocated per token.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <thread>

#include "tests/engine/toy_engine.h"

#ifndef HEARTH_THREAD_SANITIZED  // which defines these operators itself
namespace {

std::atomic<int64_t> g_allocations{0};

void* count_and_allocate(size_t bytes) {
  g_allocations.fetch_add(1, std::memory_order_relaxed);
  void* const memory = std::malloc(bytes == 0 ? 1 : bytes);
  if (memory == nullptr) std::abort();
  return memory;
}

}  // namespace

void* operator new(size_t bytes) { return count_and_allocate(bytes); }
void* operator new[](size_t bytes) { return count_and_allocate(bytes); }
void* operator new(size_t bytes, const std::nothrow_t&) noexcept {
  return count_and_allocate(bytes);
}
void* operator new[](size_t bytes, const std::nothrow_t&) noexcept {
  return count_and_allocate(bytes);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, size_t) noexcept { std::free(memory); }
#endif

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::Rows;
using test::ToyEngine;

ToyEngine step_toy(const EngineSetup& setup, std::string arch = "llama") {
  auto toy = ToyEngine::make(test::ToyOptions{.arch = std::move(arch)}, setup);
  EXPECT_TRUE(toy) << toy.error().message;
  if (!toy) std::abort();
  return std::move(*toy);
}

Sequence open(Engine& engine) {
  auto sequence = engine.open_sequence();
  EXPECT_TRUE(sequence) << sequence.error().message;
  if (!sequence) std::abort();
  return std::move(*sequence);
}

#ifndef HEARTH_THREAD_SANITIZED
TEST(Step, decoding_allocates_nothing) {
  for (const auto& [arch, n_threads] :
       {std::pair("llama", 2), std::pair("gemma3", 1), std::pair("gpt-oss", 1),
        std::pair("qwen3moe", 1), std::pair("deepseek2", 1)}) {
    SCOPED_TRACE(arch);
    EngineSetup setup;
    setup.options.n_sequences = 2;
    setup.n_threads = n_threads;
    const ToyEngine toy = step_toy(setup, arch);
    Sequence a = open(*toy), b = open(*toy);
    Rows ignored;
    const auto tokens = test::some_tokens(200, toy->hparams().V);
    ASSERT_TRUE(test::feed(*toy, a, std::span(tokens).first(20), 20, ignored));
    const auto step = [&](size_t i) {
      const std::array<StepPart, 2> parts{StepPart{&a, std::span(tokens).subspan(i, 1)},
                                          StepPart{&b, std::span(tokens).subspan(i, 1)}};
      return toy->step(parts).has_value();
    };
    ASSERT_TRUE(step(0));
    const int64_t before = g_allocations.load();
    // Across two borders of pages; windows give pages back in between.
    for (size_t i = 1; i < 115; ++i) ASSERT_TRUE(step(i));
    EXPECT_EQ(g_allocations.load() - before, 0);
  }
}
#endif

TEST(Step, a_full_context_is_an_error_that_changes_nothing) {
  EngineSetup setup;
  setup.options = {.n_ctx = 40, .max_batch = 64, .max_outputs = 64};
  const ToyEngine toy = step_toy(setup);
  const auto tokens = test::some_tokens(41, toy->hparams().V);
  const std::span<const int32_t> all = tokens;
  Sequence sequence = open(*toy);
  Rows rows;
  ASSERT_TRUE(test::feed(*toy, sequence, all.first(39), 39, rows));
  const Status status = test::feed(*toy, sequence, all.subspan(39, 2), 2, rows);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().code, ErrorCode::kLimit);
  EXPECT_EQ(status.error().message, "41 tokens do not fit the context of 40");
  EXPECT_NE(status.error().hint, "");
  EXPECT_EQ(sequence.n_tokens(), 39);
  ASSERT_TRUE(test::feed(*toy, sequence, all.subspan(39, 1), 1, rows));
  EXPECT_EQ(sequence.n_tokens(), 40);
  sequence.truncate(0);
  Rows whole;
  ASSERT_TRUE(test::feed(*toy, sequence, all.first(40), 40, whole));
  EXPECT_EQ(test::first_difference(rows, whole, toy->hparams().V), -1);
}

TEST(Step, a_token_outside_of_the_vocabulary_is_an_error_that_names_it) {
  const ToyEngine toy = step_toy({});
  Sequence sequence = open(*toy);
  for (const int32_t token : {-1, toy->hparams().V}) {
    const StepPart part{&sequence, {&token, 1}};
    const Status status = toy->step({&part, 1});
    ASSERT_FALSE(status);
    EXPECT_NE(status.error().message.find(std::to_string(token)), std::string::npos);
    EXPECT_EQ(sequence.n_tokens(), 0);
  }
}

TEST(Step, a_cancelled_step_leaves_the_sequences_as_they_were) {
  for (const char* const arch : {"llama", "gemma3"}) {
    SCOPED_TRACE(arch);
    EngineSetup setup;
    setup.options.n_sequences = 2;
    const ToyEngine toy = step_toy(setup, arch);
    const int V = toy->hparams().V;
    const auto tokens = test::some_tokens(150, V);
    const std::span<const int32_t> all = tokens;
    Sequence sequence = open(*toy);
    Rows rows;
    const std::atomic<bool> cancel{true};
    size_t n_done = 0;
    // Prefill chunks and single tokens, each cancelled once before it is done.
    for (const size_t n : {50u, 70u, 1u, 1u, 28u}) {
      const StepPart part{&sequence, all.subspan(n_done, n), Want::kAll};
      const Status stopped = toy->step({&part, 1}, &cancel);
      ASSERT_FALSE(stopped);
      EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
      EXPECT_EQ(sequence.n_tokens(), static_cast<int>(n_done));
      ASSERT_TRUE(test::feed(*toy, sequence, part.tokens, 150, rows));
      n_done += n;
    }
    const auto whole = test::rows_of(*toy, tokens, 150);
    ASSERT_TRUE(whole);
    EXPECT_EQ(test::first_difference(rows, *whole, V), -1);
  }
}

TEST(Step, a_step_cancelled_from_another_thread_is_done_or_undone) {
  EngineSetup setup;
  setup.n_threads = 2;
  const ToyEngine toy = step_toy(setup);
  const auto tokens = test::some_tokens(150, toy->hparams().V);
  const auto whole = test::rows_of(*toy, tokens, 150);
  ASSERT_TRUE(whole);
  Sequence sequence = open(*toy);
  for (int round = 0; round < 40; ++round) {
    std::atomic<bool> cancel{false};
    std::thread other([&, round] {
      std::this_thread::sleep_for(std::chrono::microseconds(50 * round));
      cancel = true;
    });
    const StepPart part{&sequence, tokens, Want::kAll};
    const Status status = toy->step({&part, 1}, &cancel);
    other.join();
    EXPECT_TRUE(status || status.error().code == ErrorCode::kInterrupted);
    EXPECT_EQ(sequence.n_tokens(), status ? 150 : 0);
    sequence.truncate(0);
    Rows again;
    ASSERT_TRUE(test::feed(*toy, sequence, tokens, 150, again));
    ASSERT_EQ(test::first_difference(again, *whole, toy->hparams().V), -1);
    sequence.truncate(0);
  }
}

TEST(Step, a_sequence_forked_after_a_cancelled_step_can_go_on) {
  // The cancelled step made pages that nothing is in; both sequences hold them.
  EngineSetup setup;
  setup.options = {.n_ctx = 256, .n_sequences = 2, .max_batch = 256, .max_outputs = 256};
  const ToyEngine toy = step_toy(setup);
  const int V = toy->hparams().V;
  const auto tokens = test::some_tokens(256, V);
  const std::span<const int32_t> all = tokens;
  const auto whole = test::rows_of(*toy, tokens, 256);
  ASSERT_TRUE(whole);
  Sequence a = open(*toy);
  Rows rows_a, rows_b;
  ASSERT_TRUE(test::feed(*toy, a, all.first(10), 10, rows_a));
  const std::atomic<bool> cancel{true};
  const StepPart part{&a, all.subspan(10), Want::kNothing};
  ASSERT_FALSE(toy->step({&part, 1}, &cancel));
  auto b = toy->fork(a);
  ASSERT_TRUE(b);
  rows_b = rows_a;
  ASSERT_TRUE(test::feed(*toy, a, all.subspan(10), 256, rows_a));
  ASSERT_TRUE(test::feed(*toy, *b, all.subspan(10), 50, rows_b));
  EXPECT_EQ(test::first_difference(rows_a, *whole, V), -1);
  EXPECT_EQ(test::first_difference(rows_b, *whole, V), -1);
}

TEST(Step, pages_come_back_however_often_sequences_fill_the_context) {
  for (const char* const arch : {"llama", "gemma3"}) {
    SCOPED_TRACE(arch);
    EngineSetup setup;
    setup.options.n_sequences = 3;
    const ToyEngine toy = step_toy(setup, arch);
    const auto tokens = test::some_tokens(256, toy->hparams().V);
    Rows ignored;
    for (int round = 0; round < 4; ++round) {
      Sequence a = open(*toy), b = open(*toy);
      EXPECT_EQ(b.truncate(0), 0);
      ASSERT_TRUE(test::feed(*toy, a, tokens, 100, ignored));
      ASSERT_TRUE(test::feed(*toy, b, tokens, 256, ignored));
      auto c = toy->fork(a);
      ASSERT_TRUE(c);
      EXPECT_FALSE(toy->open_sequence()) << "three are open";
      c->truncate(0);
      const Status status = test::feed(*toy, *c, tokens, 64, ignored);
      ASSERT_TRUE(status) << status.error().message;
    }
  }
}

TEST(Step, results_are_those_that_were_wanted) {
  EngineSetup setup;
  setup.options.n_sequences = 4;
  const ToyEngine toy = step_toy(setup);
  const int V = toy->hparams().V;
  const auto tokens = test::some_tokens(12, V);
  const auto whole = test::rows_of(*toy, tokens, 12);
  ASSERT_TRUE(whole);
  Sequence a = open(*toy), b = open(*toy), c = open(*toy), d = open(*toy);
  const std::array<StepPart, 4> parts{
      StepPart{&a, tokens, Want::kNothing}, StepPart{&b, tokens, Want::kLast},
      StepPart{&c, std::span(tokens).first(2), Want::kAll}, StepPart{&d, tokens, Want::kFirst}};
  ASSERT_TRUE(toy->step(parts));
  ASSERT_EQ(toy->n_outputs(), 4);
  const std::array<int, 4> expected{11, 0, 1, 0};
  for (int i = 0; i < 4; ++i) {
    const auto row = toy->output(i);
    const auto at = whole->begin() + expected[static_cast<size_t>(i)] * V;
    EXPECT_EQ(test::first_difference({row.begin(), row.end()}, {at, at + V}, V), -1) << i;
  }
}

TEST(Step, options_out_of_range_are_refused) {
  for (const EngineOptions& options : {EngineOptions{.n_ctx = -1}, EngineOptions{.n_sequences = 0},
                                       EngineOptions{.max_batch = 0}}) {
    EXPECT_FALSE(ToyEngine::make(test::ToyOptions{}, {.options = options}));
  }
}

TEST(Step, a_context_longer_than_the_model_was_trained_for_is_said) {
  EngineSetup setup;
  setup.options.n_ctx = 300;
  const ToyEngine toy = step_toy(setup);
  ASSERT_EQ(toy->warnings().size(), 1u);
  EXPECT_EQ(toy->warnings()[0],
            "the context of 300 is longer than the 256 that the model was trained for");
  EXPECT_TRUE(step_toy({})->warnings().empty());
}

}  // namespace
}  // namespace hearth::engine
