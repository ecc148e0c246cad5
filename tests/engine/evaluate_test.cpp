// SPDX-License-Identifier: MIT
// Perplexity, log-probabilities and embeddings on toy models against straightforward computing from
// the logits (hidden states) of single steps.
#include "engine/evaluate.h"

#include <algorithm>
#include <cmath>

#include "engine/embed.h"
#include "os/atomic_file.h"
#include "tests/engine/toy_engine.h"
#include "tests/support/temp_folder.h"

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::Rows;
using test::ToyEngine;

constexpr auto no_progress = [](uint64_t, uint64_t) {};

ToyEngine make_toy(const test::ToyOptions& options, const EngineSetup& setup = {}) {
  auto toy = ToyEngine::make(options, setup);
  EXPECT_TRUE(toy) << toy.error().message;
  if (!toy) std::abort();
  return std::move(*toy);
}

double logprob(const Rows& rows, size_t i, int32_t id, size_t V) {
  double sum = 0;
  for (size_t v = 0; v < V; ++v) sum += std::exp(static_cast<double>(rows[i * V + v]));
  return static_cast<double>(rows[i * V + static_cast<size_t>(id)]) - std::log(sum);
}

TEST(Perplexity, it_is_that_of_the_second_halves_of_whole_windows) {
  for (const char* const arch : {"llama", "gemma3"}) {
    for (const int32_t bos : {-1, 3}) {
      SCOPED_TRACE(arch);
      const ToyEngine toy = make_toy({.arch = arch});
      const auto V = static_cast<size_t>(toy->hparams().V);
      constexpr int kWindow = 70;
      const auto tokens = test::some_tokens(3 * kWindow + 11, static_cast<int>(V));
      double sum = 0;
      int64_t n = 0;
      for (int w = 0; w < 3; ++w) {
        std::vector<int32_t> window(tokens.begin() + w * kWindow,
                                    tokens.begin() + (w + 1) * kWindow);
        if (bos >= 0) window[0] = bos;
        const auto rows = test::rows_of(*toy, window, kWindow, Role::kPrompt);
        ASSERT_TRUE(rows);
        for (size_t i = kWindow / 2; i + 1 < kWindow; ++i, ++n) {
          sum -= logprob(*rows, i, window[i + 1], V);
        }
      }
      for (const int max_outputs : {1, 16, 256}) {
        EngineSetup setup;
        setup.options.max_outputs = max_outputs;
        setup.options.max_batch = 30;
        const ToyEngine chunked = make_toy({.arch = arch}, setup);
        const auto result = perplexity(*chunked, tokens, kWindow, bos, no_progress, nullptr);
        ASSERT_TRUE(result) << result.error().message;
        EXPECT_EQ(result->n_tokens, n);
        // Sums in double: a few units of 2^-52 of each term.
        EXPECT_NEAR(result->nll_mean, sum / static_cast<double>(n), 1e-12);
        EXPECT_DOUBLE_EQ(result->ppl(), std::exp(result->nll_mean));
      }
    }
  }
}

// What a run with the logits `rows` of each window saves.
std::string saved_file(const std::vector<int32_t>& tokens, int window, size_t V,
                       const std::vector<Rows>& rows) {
  std::string out = "_logits_";
  const auto put = [&](auto value) {
    out.append(reinterpret_cast<const char*>(&value), sizeof value);
  };
  put(static_cast<uint32_t>(window));
  put(static_cast<int32_t>(V));
  put(static_cast<int32_t>(rows.size()));
  for (size_t i = 0; i < rows.size() * static_cast<size_t>(window); ++i) put(tokens[i]);
  for (const Rows& of_window : rows) {
    for (int i = window / 2; i + 1 < window; ++i) {
      std::vector<double> logprobs;
      for (size_t v = 0; v < V; ++v) {
        logprobs.push_back(logprob(of_window, static_cast<size_t>(i), static_cast<int32_t>(v), V));
      }
      const auto [low, high] = std::minmax_element(logprobs.begin(), logprobs.end());
      const double scale = (*high - *low) / 65535;
      put(static_cast<float>(scale));
      put(static_cast<float>(*low));
      for (const double p : logprobs) put(static_cast<uint16_t>(std::lround((p - *low) / scale)));
      if (V % 2 != 0) put(uint16_t{0});
    }
  }
  return out;
}

struct SavedRun {
  test::TempFolder folder;
  std::filesystem::path path = folder / "saved.kld";
  std::vector<int32_t> tokens;
  std::vector<Rows> rows;
  std::string bytes;
};

constexpr int kSavedWindow = 50;

void save_run(Engine& engine, SavedRun& run) {
  const int V = engine.hparams().V;
  run.tokens = test::some_tokens(2 * kSavedWindow, V);
  for (int w = 0; w < 2; ++w) {
    const std::vector<int32_t> window(run.tokens.begin() + w * kSavedWindow,
                                      run.tokens.begin() + (w + 1) * kSavedWindow);
    auto rows = test::rows_of(engine, window, kSavedWindow, Role::kPrompt);
    ASSERT_TRUE(rows);
    run.rows.push_back(std::move(*rows));
  }
  run.bytes = saved_file(run.tokens, kSavedWindow, static_cast<size_t>(V), run.rows);
  ASSERT_TRUE(os::write_file(run.path, run.bytes));
}

TEST(Divergence, from_itself_is_the_rounding_of_the_file) {
  const ToyEngine toy = make_toy({});
  SavedRun run;
  save_run(*toy, run);
  const auto saved = SavedLogprobs::open(run.path);
  ASSERT_TRUE(saved) << saved.error().message;
  const auto result = divergence(*toy, *saved, -1, no_progress, nullptr);
  ASSERT_TRUE(result) << result.error().message;
  EXPECT_EQ(result->own.n_tokens, 2 * (kSavedWindow - 1 - kSavedWindow / 2));
  EXPECT_EQ(result->same_top, 1.0);
  // Steps of 1/65535 of a distribution's width, here below 16 nats.
  EXPECT_NEAR(result->kl_highest, 0, 16.0 / 65535);
  EXPECT_NEAR(result->own.nll_mean, result->saved.nll_mean, 16.0 / 65535);
}

TEST(Divergence, from_another_model_is_the_sum_that_its_definition_says) {
  const ToyEngine other = make_toy({.seed = 5}), toy = make_toy({.seed = 6});
  SavedRun run;
  save_run(*other, run);
  const auto saved = SavedLogprobs::open(run.path);
  ASSERT_TRUE(saved) << saved.error().message;
  const auto result = divergence(*toy, *saved, -1, no_progress, nullptr);
  ASSERT_TRUE(result) << result.error().message;
  const auto V = static_cast<size_t>(toy->hparams().V);
  double sum = 0, highest = 0;
  int64_t n = 0, n_same = 0;
  for (size_t w = 0; w < 2; ++w) {
    const std::vector<int32_t> window(run.tokens.begin() + static_cast<int>(w) * kSavedWindow,
                                      run.tokens.begin() + static_cast<int>(w + 1) * kSavedWindow);
    const auto rows = test::rows_of(*toy, window, kSavedWindow, Role::kPrompt);
    ASSERT_TRUE(rows);
    for (size_t i = kSavedWindow / 2; i + 1 < kSavedWindow; ++i, ++n) {
      double kl = 0;
      size_t best_p = 0, best_q = 0;
      for (size_t v = 0; v < V; ++v) {
        const auto id = static_cast<int32_t>(v);
        const double p = logprob(run.rows[w], i, id, V), q = logprob(*rows, i, id, V);
        kl += std::exp(p) * (p - q);
        if (p > logprob(run.rows[w], i, static_cast<int32_t>(best_p), V)) best_p = v;
        if (q > logprob(*rows, i, static_cast<int32_t>(best_q), V)) best_q = v;
      }
      sum += kl;
      highest = std::max(highest, kl);
      n_same += best_p == best_q ? 1 : 0;
    }
  }
  const double mean = sum / static_cast<double>(n);
  EXPECT_GT(mean, 1e-3) << "two models that differ";
  // The file's steps, as above, weigh p and its logarithm.
  EXPECT_NEAR(result->kl_mean, mean, 1e-3 * mean + 16.0 / 65535);
  EXPECT_NEAR(result->kl_highest, highest, 1e-3 * highest + 16.0 / 65535);
  EXPECT_DOUBLE_EQ(result->same_top, static_cast<double>(n_same) / static_cast<double>(n));
}

TEST(Divergence, a_file_cut_anywhere_or_of_nonsense_is_refused) {
  const ToyEngine toy = make_toy({});
  SavedRun run;
  save_run(*toy, run);
  const size_t head = 20 + 4 * run.tokens.size();
  for (size_t n = 0; n < run.bytes.size(); n += n < head ? 7 : 5003) {
    ASSERT_TRUE(os::write_file(run.path, run.bytes.substr(0, n)));
    EXPECT_FALSE(SavedLogprobs::open(run.path)) << n;
  }
  const auto with = [&](size_t at, uint32_t value) {
    std::string bytes = run.bytes;
    bytes.replace(at, 4, reinterpret_cast<const char*>(&value), 4);
    EXPECT_TRUE(os::write_file(run.path, bytes));
    return SavedLogprobs::open(run.path);
  };
  for (const size_t at : {0, 8, 12, 16}) {
    for (const uint32_t value : {0u, 3u, 0x7fffffffu, 0x80000000u, 0xffffffffu}) {
      EXPECT_FALSE(with(at, value)) << at << " " << value;
    }
  }
  EXPECT_FALSE(with(20, static_cast<uint32_t>(toy->hparams().V)));
  const auto nan = with(head, 0x7fc00000u);
  ASSERT_TRUE(nan);
  EXPECT_FALSE(divergence(*toy, *nan, -1, no_progress, nullptr));
}

TEST(Divergence, of_another_vocabulary_is_refused) {
  const ToyEngine toy = make_toy({});
  SavedRun run;
  const auto V = static_cast<size_t>(toy->hparams().V);
  run.tokens = test::some_tokens(kSavedWindow, static_cast<int>(V));
  Rows uneven(static_cast<size_t>(kSavedWindow) * (V + 1), 0.5f);
  for (size_t i = 0; i < uneven.size(); i += 3) uneven[i] = 1.0f;
  ASSERT_TRUE(os::write_file(run.path, saved_file(run.tokens, kSavedWindow, V + 1, {uneven})));
  const auto saved = SavedLogprobs::open(run.path);
  ASSERT_TRUE(saved) << saved.error().message;
  const auto result = divergence(*toy, *saved, -1, no_progress, nullptr);
  ASSERT_FALSE(result);
  EXPECT_NE(result.error().message.find("over"), std::string::npos) << result.error().message;
}

TEST(Perplexity, windows_that_cannot_be_are_refused) {
  const ToyEngine toy = make_toy({});
  const auto tokens = test::some_tokens(100, toy->hparams().V);
  for (const int window : {-1, 3, 101, 257}) {
    EXPECT_FALSE(perplexity(*toy, tokens, window, -1, no_progress, nullptr)) << window;
  }
  const std::atomic<bool> cancel{true};
  const auto stopped = perplexity(*toy, tokens, 50, -1, no_progress, &cancel);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::kInterrupted);
  EXPECT_TRUE(perplexity(*toy, tokens, 50, -1, no_progress, nullptr)) << "the sequence came back";
}

TEST(Logprobs, each_position_has_the_likeliest_tokens_after_it) {
  const ToyEngine toy = make_toy({.arch = "qwen2"});
  const auto V = static_cast<size_t>(toy->hparams().V);
  const auto tokens = test::some_tokens(80, static_cast<int>(V));
  const auto rows = test::rows_of(*toy, tokens, 80, Role::kPrompt);
  ASSERT_TRUE(rows);
  const auto positions = logprobs(*toy, tokens, 4, no_progress, nullptr);
  ASSERT_TRUE(positions) << positions.error().message;
  ASSERT_EQ(positions->size(), tokens.size());
  for (size_t i = 0; i < tokens.size(); ++i) {
    const Position& position = (*positions)[i];
    EXPECT_EQ(position.id, tokens[i]);
    std::vector<double> all;
    for (size_t v = 0; v < V; ++v) all.push_back(logprob(*rows, i, static_cast<int32_t>(v), V));
    ASSERT_EQ(position.top.size(), 4u);
    for (const auto& entry : position.top) {
      EXPECT_NEAR(entry.logprob, all[static_cast<size_t>(entry.id)], 1e-12);
    }
    std::sort(all.rbegin(), all.rend());
    for (size_t k = 0; k < 4; ++k) EXPECT_NEAR(position.top[k].logprob, all[k], 1e-12);
  }
}

// Hidden states [n, D] of a text, and their pooling written out.
TEST(Embed, poolings_are_the_mean_the_first_and_the_last_state_at_length_one) {
  for (const char* const arch : {"bert", "nomic-bert"}) {
    SCOPED_TRACE(arch);
    const ToyEngine toy = make_toy({.arch = arch});
    const auto D = static_cast<size_t>(toy->hparams().D);
    const auto tokens = test::some_tokens(23, toy->hparams().V);
    std::vector<double> mean(D, 0.0), first(D), last(D);
    {
      auto sequence = toy->open_sequence();
      ASSERT_TRUE(sequence);
      const StepPart part{&*sequence, tokens, Want::kAll, Role::kPrompt};
      ASSERT_TRUE(toy->step({&part, 1}));
      ASSERT_EQ(toy->n_outputs(), 23);
      for (int i = 0; i < 23; ++i) {
        const auto row = toy->output(i);
        ASSERT_EQ(row.size(), D);
        for (size_t d = 0; d < D; ++d) {
          mean[d] += static_cast<double>(row[d]) / 23;
          if (i == 0) first[d] = static_cast<double>(row[d]);
          if (i == 22) last[d] = static_cast<double>(row[d]);
        }
      }
    }
    const std::pair<Pooling, std::vector<double>*> cases[] = {
        {Pooling::kMean, &mean}, {Pooling::kCls, &first}, {Pooling::kLast, &last}};
    for (const auto& [pooling, expected] : cases) {
      const auto vector = embed(*toy, tokens, pooling);
      ASSERT_TRUE(vector) << vector.error().message;
      double square = 0;
      for (const double value : *expected) square += value * value;
      for (size_t d = 0; d < D; ++d) {
        // One rounding to float of a value of at most 1.
        EXPECT_NEAR((*vector)[d], (*expected)[d] / std::sqrt(square), 0x1p-24);
      }
    }
    const auto pooling = model_pooling(*toy);
    ASSERT_TRUE(pooling);
    EXPECT_EQ(*pooling, Pooling::kMean);
  }
}

TEST(Embed, what_gives_no_vector_is_refused) {
  const ToyEngine encoder = make_toy({.arch = "bert"});
  EXPECT_FALSE(embed(*encoder, {}, Pooling::kMean));
  EXPECT_FALSE(embed(*encoder, test::some_tokens(257, 90), Pooling::kMean)) << "longer than P";
  const ToyEngine decoder = make_toy({});
  EXPECT_FALSE(embed(*decoder, test::some_tokens(5, 90), Pooling::kMean));
  test::ToyOptions rank{.arch = "bert"};
  rank.set = {{"pooling_type", "4"}};
  EXPECT_FALSE(model_pooling(*make_toy(rank)));
  EXPECT_FALSE(parse_pooling("median"));
  EXPECT_EQ(*parse_pooling("cls"), Pooling::kCls);
}

}  // namespace
}  // namespace hearth::engine
