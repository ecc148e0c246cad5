// SPDX-License-Identifier: MIT
// engine::generate on toy models: ends, limits, stop texts, reuse of the cache, interruption,
// log-probabilities, broken weights. The oracle is a loop over Engine::step that takes the highest
// logit.
#include "engine/generate.h"

#include <algorithm>
#include <limits>

#include "tests/engine/toy_engine.h"
#include "text/stream_decoder.h"

namespace hearth::engine {
namespace {

using test::EngineSetup;
using test::ToyEngine;

class Generate : public testing::Test {
 protected:
  void SetUp() override { load({}); }

  void load(const EngineSetup& setup, const char* arch = "llama") {
    sequence_.reset();
    auto toy =
        ToyEngine::make(test::ToyOptions{.arch = arch, .seed = 5, .vocabulary = true}, setup);
    ASSERT_TRUE(toy) << toy.error().message;
    toy_ = std::make_unique<ToyEngine>(std::move(*toy));
    auto tokenizer = text::Tokenizer::make(toy_->file().metadata());
    ASSERT_TRUE(tokenizer) << tokenizer.error().message;
    tokenizer_ = std::move(*tokenizer);
    open_again();
  }

  void open_again() {
    sequence_.reset();
    auto sequence = engine().open_sequence();
    ASSERT_TRUE(sequence);
    sequence_ = std::make_unique<Sequence>(std::move(*sequence));
  }

  Engine& engine() { return **toy_; }

  static GenerateRequest greedy(std::vector<int32_t> prompt, int64_t max_tokens) {
    GenerateRequest request{.prompt = std::move(prompt), .max_tokens = max_tokens};
    request.sampler.temperature = 0;
    request.ignore_end = true;
    return request;
  }

  std::vector<int32_t> prompt(int n, int salt = 0) {
    return test::some_tokens(n, engine().hparams().V, salt);
  }

  Result<GenerateResult> run(const GenerateRequest& request) {
    streamed_.clear();
    return generate(
        engine(), *tokenizer_, *sequence_, request,
        [this](std::string_view text) {
          streamed_ += text;
          if (streamed_.size() >= cancel_after_) cancel_ = true;
        },
        &cancel_);
  }

  GenerateResult expect(const GenerateRequest& request) {
    auto result = run(request);
    EXPECT_TRUE(result) << result.error().message;
    if (!result) return {};
    EXPECT_EQ(result->text, streamed_);
    return std::move(*result);
  }

  // The answer without generate().
  std::vector<int32_t> oracle(std::vector<int32_t> tokens, int n) {
    open_again();
    std::vector<int32_t> answer;
    std::span<const int32_t> next = tokens;
    while (static_cast<int>(answer.size()) < n) {
      const StepPart part{sequence_.get(), next, Want::kLast};
      EXPECT_TRUE(engine().step({&part, 1}));
      const auto row = engine().output(0);
      answer.push_back(
          static_cast<int32_t>(std::max_element(row.begin(), row.end()) - row.begin()));
      next = std::span(answer).last(1);
    }
    open_again();
    return answer;
  }

  std::unique_ptr<ToyEngine> toy_;
  std::unique_ptr<text::Tokenizer> tokenizer_;
  std::unique_ptr<Sequence> sequence_;
  std::string streamed_;
  std::atomic<bool> cancel_{false};
  size_t cancel_after_ = std::numeric_limits<size_t>::max();
};

TEST_F(Generate, greedy_takes_the_highest_logit_each_time) {
  for (const char* const arch : {"llama", "gemma3", "gpt-oss"}) {
    SCOPED_TRACE(arch);
    load({}, arch);
    const auto answer = oracle(prompt(20), 100);
    const GenerateResult result = expect(greedy(prompt(20), 100));
    EXPECT_EQ(result.tokens, answer);
    EXPECT_EQ(result.finish, FinishReason::kLength);
    EXPECT_EQ(result.n_prompt, 20);
    EXPECT_EQ(result.n_cached, 0);
    std::string text;
    text::StreamDecoder decoder(*tokenizer_);
    for (const int32_t id : answer) text += decoder.push(id);
    EXPECT_EQ(result.text, text + std::string(decoder.finish()));
    EXPECT_TRUE(result.warnings.empty());
  }
}

TEST_F(Generate, a_prompt_longer_than_a_batch_gives_the_same_answer) {
  const auto answer = oracle(prompt(100), 20);
  EngineSetup setup;
  setup.options.max_batch = 7;
  load(setup);
  EXPECT_EQ(expect(greedy(prompt(100), 20)).tokens, answer);
}

TEST_F(Generate, no_tokens_wanted_gives_none) {
  const GenerateResult result = expect(greedy(prompt(5), 0));
  EXPECT_TRUE(result.tokens.empty());
  EXPECT_EQ(result.finish, FinishReason::kLength);
}

TEST_F(Generate, the_end_token_ends_the_answer_unless_it_is_ignored) {
  GenerateRequest request = greedy(prompt(10), 5);
  const int32_t end = tokenizer_->eos();
  request.sampler.logit_bias = {{end, 1000.0}};
  GenerateResult result = expect(request);
  EXPECT_EQ(result.tokens, (std::vector<int32_t>(5, end)));
  EXPECT_EQ(result.finish, FinishReason::kLength);
  request.ignore_end = false;
  result = expect(request);
  EXPECT_EQ(result.tokens, (std::vector<int32_t>{end}));
  EXPECT_EQ(result.finish, FinishReason::kStop);
  EXPECT_EQ(result.text, "");
}

TEST_F(Generate, a_stop_text_across_tokens_ends_the_answer_before_it) {
  const auto answer = expect(greedy(prompt(20), 60));
  open_again();
  const std::string& text = answer.text;
  ASSERT_GE(text.size(), 12u);
  int n_across = 0;
  for (size_t begin = 1; begin + 4 <= text.size(); begin += 3) {
    const std::string stop = text.substr(begin, 4);
    if (static_cast<unsigned char>(stop[0]) >= 0x80) continue;  // would cut a character
    SCOPED_TRACE(begin);
    open_again();
    GenerateRequest request = greedy(prompt(20), 60);
    request.stop = {"not in the text at all", stop};
    const GenerateResult result = expect(request);
    EXPECT_EQ(result.text, text.substr(0, text.find(stop)));
    EXPECT_EQ(result.finish, FinishReason::kStop);
    ++n_across;
  }
  EXPECT_GT(n_across, 3);
}

TEST_F(Generate, a_second_turn_computes_only_what_is_new_and_gives_the_same_answer) {
  const GenerateResult first = expect(greedy(prompt(50), 30));
  std::vector<int32_t> second = prompt(50);
  second.insert(second.end(), first.tokens.begin(), first.tokens.end());
  const auto more = prompt(20, 7);
  second.insert(second.end(), more.begin(), more.end());
  const GenerateResult resumed = expect(greedy(second, 30));
  // The last token of an answer was never fed.
  EXPECT_EQ(resumed.n_cached, 79);
  EXPECT_EQ(resumed.tokens, oracle(second, 30));
}

TEST_F(Generate, the_same_prompt_again_gives_the_same_answer_from_the_cache) {
  const GenerateResult first = expect(greedy(prompt(50), 30));
  const GenerateResult again = expect(greedy(prompt(50), 30));
  EXPECT_EQ(again.tokens, first.tokens);
  EXPECT_EQ(again.n_cached, 49);
}

TEST_F(Generate, a_full_context_ends_the_answer_and_is_said) {
  EngineSetup setup;
  setup.options.n_ctx = 40;
  load(setup);
  const auto answer = oracle(prompt(30), 11);
  const GenerateResult result = expect(greedy(prompt(30), -1));
  EXPECT_EQ(result.finish, FinishReason::kContextFull);
  EXPECT_EQ(result.tokens, answer);
  ASSERT_EQ(result.warnings.size(), 1u);
  EXPECT_EQ(result.warnings[0], "the context of 40 tokens is full: the answer ends here");
  EXPECT_EQ(expect(greedy(prompt(40), -1)).tokens.size(), 1u);
  const auto too_long = run(greedy(prompt(41), -1));
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().message, "the prompt has 41 tokens, the context holds 40");
  EXPECT_FALSE(run(greedy({}, 5)));
}

TEST_F(Generate, an_interrupted_answer_stands_and_the_sequence_goes_on) {
  const auto whole = oracle(prompt(20), 60);
  cancel_after_ = 10;
  const GenerateResult part = expect(greedy(prompt(20), 60));
  EXPECT_EQ(part.finish, FinishReason::kInterrupted);
  ASSERT_LT(part.tokens.size(), whole.size());
  EXPECT_TRUE(std::equal(part.tokens.begin(), part.tokens.end(), whole.begin()));
  cancel_after_ = std::numeric_limits<size_t>::max();
  cancel_ = false;
  EXPECT_EQ(expect(greedy(prompt(20), 60)).tokens, whole);
}

TEST_F(Generate, a_prompt_interrupted_gives_an_empty_answer_and_the_sequence_goes_on) {
  cancel_ = true;
  const GenerateResult none = expect(greedy(prompt(20), 60));
  EXPECT_EQ(none.finish, FinishReason::kInterrupted);
  EXPECT_TRUE(none.tokens.empty());
  cancel_ = false;
  const GenerateResult result = expect(greedy(prompt(20), 60));
  EXPECT_EQ(result.tokens, oracle(prompt(20), 60));
}

TEST_F(Generate, logprobs_are_those_of_the_models_logits) {
  GenerateRequest request = greedy(prompt(20), 10);
  request.n_logprobs = 3;
  const GenerateResult result = expect(request);
  ASSERT_EQ(result.logprobs.size(), 10u);
  open_again();
  sequence_.reset();
  auto sequence = engine().open_sequence();
  ASSERT_TRUE(sequence);
  test::Rows rows;
  ASSERT_TRUE(test::feed(engine(), *sequence, prompt(20), 64, rows, Role::kPrompt));
  ASSERT_TRUE(test::feed(engine(), *sequence, result.tokens, 64, rows));
  const auto V = static_cast<size_t>(engine().hparams().V);
  for (size_t i = 0; i < 10; ++i) {
    const auto& entry = result.logprobs[i];
    EXPECT_EQ(entry.chosen.id, result.tokens[i]);
    ASSERT_EQ(entry.top.size(), 3u);
    EXPECT_EQ(entry.top[0], entry.chosen);
    const float* const row = rows.data() + (19 + i) * V;
    double sum = 0;
    for (size_t v = 0; v < V; ++v) sum += std::exp(static_cast<double>(row[v]));
    // Both sums are in double; a logit near 10 loses at most a few units of 2^-52.
    EXPECT_NEAR(entry.chosen.logprob,
                static_cast<double>(row[static_cast<size_t>(entry.chosen.id)]) - std::log(sum),
                1e-12);
  }
}

TEST_F(Generate, the_same_seed_gives_the_same_answer_and_another_one_another) {
  GenerateRequest request = greedy(prompt(20), 40);
  request.sampler.temperature = 2.0;
  request.sampler.top_k = 0;
  request.sampler.seed = 1;
  const auto one = expect(request).tokens;
  EXPECT_EQ(expect(request).tokens, one);
  request.sampler.seed = 2;
  EXPECT_NE(expect(request).tokens, one);
}

TEST(GenerateBroken, weights_that_are_no_numbers_are_one_clear_error) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    for (const char* const name :
         {"blk.1.attn_q.weight", "blk.2.ffn_down.weight", "output.weight"}) {
      SCOPED_TRACE(name);
      auto model = test::make_toy_model({.arch = "llama", .vocabulary = true});
      ASSERT_TRUE(model);
      const int i = model->find(name);
      ASSERT_GE(i, 0);
      auto& data = model->data[static_cast<size_t>(i)];
      for (size_t at = 0; at + 4 <= data.size(); at += 4) std::memcpy(&data[at], &bad, 4);
      auto toy = ToyEngine::make(*model);
      ASSERT_TRUE(toy) << toy.error().message;
      auto tokenizer = text::Tokenizer::make(toy->file().metadata());
      ASSERT_TRUE(tokenizer);
      auto sequence = (*toy)->open_sequence();
      ASSERT_TRUE(sequence);
      for (const double temperature : {0.0, 0.8}) {
        GenerateRequest request{.prompt = test::some_tokens(10, 96), .max_tokens = 5};
        request.sampler.temperature = temperature;
        std::string shown;
        const auto result = generate(
            **toy, **tokenizer, *sequence, request, [&](std::string_view text) { shown += text; },
            nullptr);
        ASSERT_FALSE(result);
        EXPECT_EQ(result.error().code, ErrorCode::kNumeric) << result.error().message;
        EXPECT_EQ(shown, "");
      }
    }
  }
}

}  // namespace
}  // namespace hearth::engine
