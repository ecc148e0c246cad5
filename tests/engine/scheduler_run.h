// SPDX-License-Identifier: MIT
// A scheduler over a toy model, listeners that write down what they hear, and the oracle: the same
// request alone, by generate().
#pragma once
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "engine/generate.h"
#include "engine/scheduler.h"
#include "tests/engine/toy_engine.h"

namespace hearth::test {

struct HeardAnswer {
  std::vector<int32_t> tokens;
  std::string text;
  std::vector<sample::PositionLogprobs> logprobs;
  bool finished = false;
  engine::FinishReason reason = engine::FinishReason::kStop;
  std::string stopped_by;
};

struct Heard {
  bool started = false, done = false, failed = false;
  int n_prompt = 0, n_cached = 0;
  std::map<int, HeardAnswer> answers;
  std::vector<sample::PositionLogprobs> prompt_logprobs;
  engine::GenerationUsage usage;
  Error error;
  int n_ends = 0;  // last calls: must be one
};

class Listener : public engine::GenerationSink {
 public:
  explicit Listener(Heard& heard) : heard_(heard) {}
  void on_started(int n_prompt, int n_cached) override {
    EXPECT_FALSE(heard_.started);
    heard_.started = true;
    heard_.n_prompt = n_prompt;
    heard_.n_cached = n_cached;
  }
  void on_prompt_logprobs(std::span<const sample::PositionLogprobs> list) override {
    heard_.prompt_logprobs.insert(heard_.prompt_logprobs.end(), list.begin(), list.end());
  }
  void on_piece(const engine::AnswerPiece& piece) override {
    EXPECT_TRUE(heard_.started);
    EXPECT_EQ(heard_.n_ends, 0);
    HeardAnswer& answer = heard_.answers[piece.i_answer];
    EXPECT_FALSE(answer.finished);
    answer.tokens.insert(answer.tokens.end(), piece.tokens.begin(), piece.tokens.end());
    answer.text += piece.text;
    answer.logprobs.insert(answer.logprobs.end(), piece.logprobs.begin(), piece.logprobs.end());
  }
  void on_finished(int i_answer, engine::FinishReason reason,
                   std::string_view stopped_by) override {
    HeardAnswer& answer = heard_.answers[i_answer];
    EXPECT_FALSE(answer.finished);
    answer.finished = true;
    answer.reason = reason;
    answer.stopped_by = stopped_by;
  }
  void on_done(const engine::GenerationUsage& usage) override {
    heard_.done = true;
    heard_.usage = usage;
    ++heard_.n_ends;
  }
  void on_error(const Error& error) override {
    heard_.failed = true;
    heard_.error = error;
    ++heard_.n_ends;
  }

 private:
  Heard& heard_;
};

// Toy models of which each has something that could go wrong: quantized weights, so that the two
// roles differ; windows; experts. Under a sanitizer weights are floats: what it looks at is the
// scheduler, and quantized products, unoptimized there, would take most of the time (they meet
// threads and bounds in Invariants and in the tests of kernels).
inline ToyOptions scheduler_toy(const char* arch) {
#ifdef HEARTH_SANITIZED
  constexpr DType kFormat = DType::kF32;
#else
  constexpr DType kFormat = DType::kQ8_0;
#endif
  ToyOptions options{.arch = arch, .seed = 5, .format = kFormat, .vocabulary = true};
  options.set = {{"D", "64"}, {"K", "32"}, {"W", "32"}, {"R", "32"}};
  if (std::string_view(arch) == "qwen3moe") options.set.emplace_back("X", "64");
  return options;
}

class SchedulerRun {
 public:
  static Result<std::unique_ptr<SchedulerRun>> make(const ToyModel& toy, const EngineSetup& setup,
                                                    engine::SchedulerOptions options = {}) {
    auto made = std::make_unique<SchedulerRun>();
    TRY_LET(auto engine, ToyEngine::make(toy, setup));
    made->toy_ = std::make_unique<ToyEngine>(std::move(engine));
    EngineSetup alone = setup;
    alone.options.n_sequences = 1;
    alone.options.n_kept = 0;
    alone.options.n_positions = 0;
    TRY_LET(auto solo, ToyEngine::make(toy, alone));
    made->solo_ = std::make_unique<ToyEngine>(std::move(solo));
    TRY_LET(made->tokenizer_, text::Tokenizer::make(made->toy_->file().metadata()));
    made->scheduler_ =
        std::make_unique<engine::Scheduler>(**made->toy_, *made->tokenizer_, std::move(options));
    return made;
  }
  static Result<std::unique_ptr<SchedulerRun>> make(const char* arch, const EngineSetup& setup,
                                                    engine::SchedulerOptions options = {}) {
    TRY_LET(const ToyModel toy, make_toy_model(scheduler_toy(arch)));
    return make(toy, setup, std::move(options));
  }

  engine::Scheduler& scheduler() { return *scheduler_; }
  engine::Engine& engine() { return **toy_; }
  const text::Tokenizer& tokenizer() const { return *tokenizer_; }
  int n_vocab() const { return (*toy_)->hparams().V; }

  std::vector<int32_t> prompt(int n, int salt = 0) const { return some_tokens(n, n_vocab(), salt); }

  engine::GenerationRequest request(std::vector<int32_t> prompt, int64_t max_tokens,
                                    std::string owner = "a") {
    engine::GenerationRequest made;
    made.id = next_id_++;
    made.owner = std::move(owner);
    made.prompt = std::move(prompt);
    made.answer.max_tokens = max_tokens;
    made.answer.ignore_end = true;
    made.answer.sampler.temperature = 0;
    return made;
  }

  // The listener's notes stay where they are until the run ends.
  Heard& submit(engine::GenerationRequest request) {
    Heard& heard = heard_[request.id];
    const auto submitted =
        scheduler_->submit(std::move(request), std::make_unique<Listener>(heard));
    EXPECT_TRUE(submitted) << submitted.error().error.message;
    return heard;
  }
  Heard& heard(uint64_t id) { return heard_[id]; }

  void run_to_end() {
    while (scheduler_->step()) {
    }
    EXPECT_FALSE(scheduler_->has_requests());
  }

  // Answer `i` of the request alone, without a cache.
  engine::GenerateResult alone(const engine::GenerationRequest& request, int i = 0) {
    auto sequence = (*solo_)->open_sequence();
    EXPECT_TRUE(sequence);
    engine::GenerateRequest same{.prompt = request.prompt,
                                 .sampler = request.answer.sampler,
                                 .max_tokens = request.answer.max_tokens,
                                 .stop = request.answer.stop,
                                 .ignore_end = request.answer.ignore_end,
                                 .n_logprobs = request.answer.n_logprobs};
    if (same.sampler.seed >= 0) same.sampler.seed += i;
    auto result = engine::generate(
        **solo_, *tokenizer_, *sequence, same, [](std::string_view) {}, nullptr);
    EXPECT_TRUE(result) << result.error().message;
    return result ? std::move(*result) : engine::GenerateResult{};
  }

 private:
  std::unique_ptr<ToyEngine> toy_, solo_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::map<uint64_t, Heard> heard_;
  std::unique_ptr<engine::Scheduler> scheduler_;
  uint64_t next_id_ = 1;
};

inline void expect_same(const HeardAnswer& heard, const engine::GenerateResult& alone) {
  EXPECT_EQ(heard.tokens, alone.tokens);
  EXPECT_EQ(heard.text, alone.text);
  EXPECT_TRUE(heard.finished);
  EXPECT_EQ(heard.reason, alone.finish);
  ASSERT_EQ(heard.logprobs.size(), alone.logprobs.size());
  for (size_t i = 0; i < heard.logprobs.size(); ++i) {
    EXPECT_EQ(heard.logprobs[i].chosen, alone.logprobs[i].chosen);
    EXPECT_EQ(heard.logprobs[i].top, alone.logprobs[i].top);
  }
}

}  // namespace hearth::test
