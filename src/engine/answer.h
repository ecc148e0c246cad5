// SPDX-License-Identifier: MIT
// One answer as it grows: logits in, tokens and whole characters of text out, until a limit, a stop
// text or the model ends it. Knows nothing of sequences and steps. Thread rule: one thread.
#pragma once
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/logprobs.h"
#include "sample/params.h"
#include "sample/sampler.h"
#include "sample/token_mask.h"
#include "text/stop_matcher.h"
#include "text/stream_decoder.h"
#include "text/tokenizer.h"

namespace hearth::engine {

enum class FinishReason {
  kStop,         // the model ended, or a stop text came
  kLength,       // max_tokens
  kContextFull,  // no room for another token: said in warnings
  kInterrupted,  // cancelled; the text so far stands
};
// "stop", "length", "context_full", "interrupted".
std::string_view finish_reason_name(FinishReason reason);

struct AnswerParams {
  sample::SamplerParams sampler;
  int64_t max_tokens = -1;        // -1: until the model ends or the context is full
  std::vector<std::string> stop;  // texts that end the answer; they are not part of it
  bool ignore_end = false;        // go on after end-of-generation tokens
  int n_logprobs = -1;            // -1: none; k: the chosen token's and the k likeliest
  bool show_special = false;      // control tokens are part of the text, for whoever parses it
};

// What the sampler must know about the model; the breakers of DRY take some milliseconds.
sample::SamplerModel sampler_model(const text::Tokenizer& tokenizer, size_t n_vocab,
                                   size_t n_context, const sample::SamplerParams& params);

class Answer {
 public:
  // Called with each token; the tokens that must follow it whatever the model says, mostly none.
  using Guide = std::function<std::vector<int32_t>(int32_t)>;

  // The tokenizer must outlive the answer. `mask` and `guide` may be empty. Errors: parameters out
  // of range.
  static Result<Answer> make(const text::Tokenizer& tokenizer, sample::SamplerModel model,
                             const AnswerParams& params, std::unique_ptr<sample::TokenMask> mask,
                             Guide guide);

  void accept_prompt(std::span<const int32_t> tokens);

  // One more token, from the logits after all tokens so far. Errors: no usable numbers (kNumeric),
  // everything forbidden. Not after is_finished().
  Result<int32_t> take(std::span<const float> logits);
  // Ends it; what was held back of the text comes out. Nothing where it is finished already.
  void finish(FinishReason reason);

  bool is_finished() const { return finished_; }
  FinishReason reason() const { return reason_; }
  std::string_view stopped_by() const;
  // All tokens, the one that ended it included.
  std::span<const int32_t> tokens() const { return tokens_; }
  // How many more max_tokens allows.
  int64_t n_left() const;

  // The text and log-probabilities since the last call.
  std::string take_text();
  std::vector<sample::PositionLogprobs> take_logprobs();

 private:
  Answer(const text::Tokenizer& tokenizer, const AnswerParams& params, sample::Sampler sampler,
         std::unique_ptr<sample::TokenMask> mask, Guide guide);
  Result<int32_t> choose(std::span<const float> logits);
  void show(std::string_view text);

  const text::Tokenizer* tokenizer_;
  int64_t max_tokens_;
  bool ignore_end_;
  int n_logprobs_;
  sample::Sampler sampler_;
  std::unique_ptr<sample::TokenMask> mask_;
  Guide guide_;
  text::StreamDecoder decoder_;
  text::StopMatcher stop_;
  std::vector<int32_t> tokens_;
  std::deque<int32_t> forced_;  // by the guide, still to come
  std::string text_;
  std::vector<sample::PositionLogprobs> logprobs_;
  bool finished_ = false;
  FinishReason reason_ = FinishReason::kStop;
};

}  // namespace hearth::engine
