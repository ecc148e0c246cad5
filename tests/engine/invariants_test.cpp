// SPDX-License-Identifier: MIT
// The invariants of an engine, bit for bit, on every decoder at toy size: batch of N = N times one,
// chunked prefill = whole prefill, resumed = continuous, cached prefix = none, any number of
// threads = one. Windows are shorter than the prompts, prompts longer than a page of 64 positions.
// (Fast kernels = ref: tests/arch and tests/backend.)
#include <set>

#include "tests/engine/toy_engine.h"

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::Rows;
using test::ToyEngine;

constexpr int kTokens = 150;  // two pages and a bit

template <class F>
void for_each_decoder(EngineSetup setup, F&& f) {
  setup.n_threads = 2;  // with several threads, few rows have a schedule of their own
  for (const test::ToyCase& c : test::decoder_cases()) {
    SCOPED_TRACE(c.name);
    auto toy = ToyEngine::make(c.options, setup);
    ASSERT_TRUE(toy) << toy.error().message;
    f(**toy);
    if (testing::Test::HasFatalFailure()) return;
  }
}

Rows expect_rows(Engine& engine, std::span<const int32_t> tokens, int chunk,
                 Role role = Role::kAnswer) {
  auto rows = test::rows_of(engine, tokens, chunk, role);
  EXPECT_TRUE(rows) << rows.error().message;
  return rows ? *rows : Rows{};
}

TEST(Invariants, a_prompt_in_chunks_gives_the_logits_of_the_whole_prompt) {
  for_each_decoder({}, [](Engine& engine) {
    const int V = engine.hparams().V;
    const auto tokens = test::some_tokens(kTokens, V);
    for (const Role role : {Role::kAnswer, Role::kPrompt}) {
      const Rows whole = expect_rows(engine, tokens, kTokens, role);
      ASSERT_EQ(whole.size(), static_cast<size_t>(kTokens * V));
      for (const int chunk : {1, 7, 64}) {
        EXPECT_EQ(test::first_difference(whole, expect_rows(engine, tokens, chunk, role), V), -1)
            << "chunks of " << chunk;
      }
    }
  });
}

TEST(Invariants, sequences_in_one_batch_give_the_logits_of_each_alone) {
  EngineSetup setup;
  setup.options.n_sequences = 4;
  for_each_decoder(setup, [](Engine& engine) {
    const int V = engine.hparams().V;
    // Prefill chunks and single tokens side by side, sequences that start and end in between.
    struct Stream {
      std::vector<int32_t> tokens;
      std::vector<int> chunks;  // taken in turn
      Role role;
      Rows rows;
      int n_done = 0;
    };
    std::vector<Stream> streams{{test::some_tokens(kTokens, V, 1), {60, 1, 1}, Role::kPrompt},
                                {test::some_tokens(90, V, 2), {1}, Role::kAnswer},
                                {test::some_tokens(70, V, 3), {13, 5}, Role::kPrompt}};
    std::vector<Sequence> sequences;
    for (size_t i = 0; i < streams.size(); ++i) {
      auto sequence = engine.open_sequence();
      ASSERT_TRUE(sequence);
      sequences.push_back(std::move(*sequence));
    }
    for (size_t step = 0;; ++step) {
      std::vector<StepPart> parts;
      std::vector<size_t> owner;  // of each result
      for (size_t i = 0; i < streams.size(); ++i) {
        Stream& s = streams[i];
        const int left = static_cast<int>(s.tokens.size()) - s.n_done;
        const int n = std::min(left, s.chunks[step % s.chunks.size()]);
        if (n == 0) continue;
        parts.push_back({&sequences[i],
                         std::span<const int32_t>(s.tokens).subspan(static_cast<size_t>(s.n_done),
                                                                    static_cast<size_t>(n)),
                         Want::kAll, s.role});
        owner.insert(owner.end(), static_cast<size_t>(n), i);
        s.n_done += n;
      }
      if (parts.empty()) break;
      const Status status = engine.step(parts);
      ASSERT_TRUE(status) << status.error().message;
      ASSERT_EQ(engine.n_outputs(), static_cast<int>(owner.size()));
      for (size_t row = 0; row < owner.size(); ++row) {
        const auto logits = engine.output(static_cast<int>(row));
        Rows& rows = streams[owner[row]].rows;
        rows.insert(rows.end(), logits.begin(), logits.end());
      }
    }
    for (const Stream& s : streams) {
      EXPECT_EQ(test::first_difference(s.rows, expect_rows(engine, s.tokens, kTokens, s.role), V),
                -1);
    }
  });
}

TEST(Invariants, deterministic_prompts_are_computed_as_answers_are) {
  EngineSetup setup;
  setup.options.deterministic = true;
  size_t n_different = 0;
  for (const test::ToyCase& c : test::decoder_cases()) {
    SCOPED_TRACE(c.name);
    auto plain = ToyEngine::make(c.options);
    auto exact = ToyEngine::make(c.options, setup);
    ASSERT_TRUE(plain && exact);
    const int V = (*exact)->hparams().V;
    const auto tokens = test::some_tokens(20, V);
    const Rows answer = expect_rows(**plain, tokens, 20);
    EXPECT_EQ(test::first_difference(answer, expect_rows(**exact, tokens, 20, Role::kPrompt), V),
              -1);
    const Rows prompt = expect_rows(**plain, tokens, 20, Role::kPrompt);
    n_different += test::first_difference(answer, prompt, V) != -1;
  }
  EXPECT_GT(n_different, 0u);  // quantized models among them
}

TEST(Invariants, a_sequence_cut_back_and_continued_equals_one_that_was_never_cut) {
  EngineSetup setup;
  setup.options.n_sequences = 2;
  for_each_decoder(setup, [](Engine& engine) {
    const int V = engine.hparams().V;
    const auto first = test::some_tokens(kTokens, V, 1);
    for (const int n_keep : {140, 64, 30, 0}) {
      SCOPED_TRACE(n_keep);
      auto sequence = engine.open_sequence();
      ASSERT_TRUE(sequence);
      Rows ignored;
      ASSERT_TRUE(test::feed(engine, *sequence, first, 10, ignored));
      const int n_kept = sequence->truncate(n_keep);
      // A window of 3 to 8 positions has given back the first page by position 150.
      const bool page_is_gone = test::has_window(engine) && n_keep <= 64;
      EXPECT_EQ(n_kept, page_is_gone ? 0 : n_keep);
      ASSERT_EQ(sequence->n_tokens(), n_kept);

      std::vector<int32_t> second(first.begin(), first.begin() + n_kept);
      const auto tail = test::some_tokens(40, V, 9);
      second.insert(second.end(), tail.begin(), tail.end());
      Rows resumed;
      ASSERT_TRUE(test::feed(engine, *sequence, tail, 40, resumed));
      const Rows whole = expect_rows(engine, second, kTokens);
      const Rows end(whole.begin() + n_kept * V, whole.end());
      EXPECT_EQ(test::first_difference(resumed, end, V), -1);
    }
  });
}

TEST(Invariants, sequences_that_share_a_prefix_equal_sequences_that_share_nothing) {
  EngineSetup setup;
  setup.options.n_sequences = 3;
  for_each_decoder(setup, [](Engine& engine) {
    const int V = engine.hparams().V;
    constexpr int kShared = 70;  // ends inside a page, which is copied when one of them writes
    const auto prefix = test::some_tokens(kShared, V, 1);
    const std::vector<std::vector<int32_t>> tails{test::some_tokens(60, V, 2),
                                                  test::some_tokens(60, V, 3)};
    std::vector<Rows> rows(2);
    {
      auto a = engine.open_sequence();
      ASSERT_TRUE(a);
      Rows ignored;
      ASSERT_TRUE(test::feed(engine, *a, prefix, 32, ignored));
      auto b = engine.fork(*a);
      ASSERT_TRUE(b);
      EXPECT_EQ(b->n_tokens(), kShared);
      const std::span<const int32_t> tail_a = tails[0], tail_b = tails[1];
      ASSERT_TRUE(test::feed(engine, *a, tail_a.first(20), 7, rows[0]));
      ASSERT_TRUE(test::feed(engine, *b, tail_b.first(30), 1, rows[1]));
      ASSERT_TRUE(test::feed(engine, *a, tail_a.subspan(20), 40, rows[0]));
      { const Sequence gone = std::move(*a); }
      ASSERT_TRUE(test::feed(engine, *b, tail_b.subspan(30), 9, rows[1]));
    }
    for (size_t i = 0; i < tails.size(); ++i) {
      auto all = prefix;
      all.insert(all.end(), tails[i].begin(), tails[i].end());
      const Rows alone = expect_rows(engine, all, kTokens);
      const Rows end(alone.begin() + kShared * V, alone.end());
      EXPECT_EQ(test::first_difference(rows[i], end, V), -1) << "sequence " << i;
    }
  });
}

// The logits of an engine whose threads have these speeds, or think so.
Rows rows_with_threads(const test::ToyModel& model, const std::vector<double>& speeds) {
  const auto n_threads = static_cast<int>(speeds.size());
  auto toy = ToyEngine::make(model, {.n_threads = n_threads, .speeds = speeds});
  EXPECT_TRUE(toy) << toy.error().message;
  if (!toy) return {};
  Engine& engine = **toy;
  const int V = engine.hparams().V;
  auto sequence = engine.open_sequence();
  EXPECT_TRUE(sequence);
  Rows rows;
  EXPECT_TRUE(test::feed(engine, *sequence, test::some_tokens(70, V), 70, rows));
  EXPECT_TRUE(test::feed(engine, *sequence, test::some_tokens(70, V, 1), 70, rows, Role::kPrompt));
  EXPECT_TRUE(test::feed(engine, *sequence, test::some_tokens(5, V, 4), 1, rows));
  EXPECT_TRUE(test::feed(engine, *sequence, test::some_tokens(9, V, 5), 3, rows));
  return rows;
}

TEST(Invariants, every_number_of_threads_and_every_division_gives_the_same_logits) {
  std::vector<test::ToyCase> cases;
  for (const test::ToyCase& c : test::decoder_cases()) {
    const std::set<std::string> kinds{"llama",   "gemma3",     "qwen3moe",     "deepseek2_v3",
                                      "gpt_oss", "llama_q8_0", "qwen3moe_q4_1"};
    if (kinds.contains(c.name)) cases.push_back(c);
  }
  // Products that are large enough to be divided in pieces, which any thread may take.
  const std::vector<std::pair<std::string, std::string>> wide{
      {"D", "256"}, {"F", "4096"}, {"L", "1"}, {"X", "1024"}};
  cases.push_back({"llama_wide", {.arch = "llama", .set = wide, .format = DType::kQ8_0}});
  cases.push_back({"qwen3moe_wide", {.arch = "qwen3moe", .set = wide, .format = DType::kQ8_0}});
  for (const test::ToyCase& c : cases) {
    SCOPED_TRACE(c.name);
    auto model = test::make_toy_model(c.options);
    ASSERT_TRUE(model) << model.error().message;
    const Rows one = rows_with_threads(*model, {1});
    ASSERT_FALSE(one.empty());
    for (const auto& speeds :
         {std::vector<double>{1, 1}, {1, 1, 1}, {1, 3}, {5, 1, 2}, {1, 1, 1, 1, 1}}) {
      const Rows rows = rows_with_threads(*model, speeds);
      const auto V = static_cast<int>(one.size() / (70 + 70 + 5 + 9));
      EXPECT_EQ(test::first_difference(one, rows, V), -1) << testing::PrintToString(speeds);
    }
  }
}

// How far logits are from those of an f32 cache, root mean square.
double distance(const Rows& a, const Rows& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += (double{a[i]} - b[i]) * (double{a[i]} - b[i]);
  return std::sqrt(sum / static_cast<double>(a.size()));
}

TEST(Invariants, every_cache_format_keeps_them_and_coarser_ones_are_further_from_f32) {
  for (const char* const arch : {"llama", "gemma3"}) {
    test::ToyOptions options{.arch = arch};
    options.set = {{"K", "32"}, {"W", "32"}, {"R", "32"}};
    Rows exact;
    double last = 0;
    // By the size of a rounding step against the largest value: 2^-24, 2^-11, 2^-8 or 2^-9 of a
    // block, 2^-5, 2^-4.
    for (const DType format :
         {DType::kF32, DType::kF16, DType::kBF16, DType::kQ8_0, DType::kQ5_1, DType::kQ4_0}) {
      SCOPED_TRACE(info(format).name);
      EngineSetup setup;
      setup.options.kv = {format, format};
      setup.options.n_sequences = 2;
      auto toy = ToyEngine::make(options, setup);
      ASSERT_TRUE(toy) << toy.error().message;
      Engine& engine = **toy;
      const int V = engine.hparams().V;
      const auto tokens = test::some_tokens(kTokens, V);
      const Rows whole = expect_rows(engine, tokens, kTokens);
      EXPECT_EQ(test::first_difference(whole, expect_rows(engine, tokens, 1), V), -1);
      EXPECT_EQ(test::first_difference(whole, expect_rows(engine, tokens, 33), V), -1);
      auto sequence = engine.open_sequence();
      ASSERT_TRUE(sequence);
      Rows resumed;
      const std::span<const int32_t> all = tokens;
      ASSERT_TRUE(test::feed(engine, *sequence, all.first(100), 100, resumed));
      auto copy = engine.fork(*sequence);
      ASSERT_TRUE(copy);
      ASSERT_TRUE(test::feed(engine, *copy, all.subspan(100), 10, resumed));
      EXPECT_EQ(test::first_difference(whole, resumed, V), -1);

      if (format == DType::kF32) exact = whole;
      const double off = distance(whole, exact);
      if (format == DType::kF32) continue;
      EXPECT_GT(off, format == DType::kQ8_0 ? 0.0 : last);  // the order to bf16 is open
      last = std::max(last, off);
    }
  }
}

}  // namespace
}  // namespace hearth::engine
