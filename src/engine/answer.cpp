// SPDX-License-Identifier: MIT
#include "engine/answer.h"

#include <limits>
#include <utility>

#include "base/check.h"
#include "sample/dry_breakers.h"

namespace hearth::engine {

std::string_view finish_reason_name(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kContextFull:
      return "context_full";
    case FinishReason::kInterrupted:
      return "interrupted";
  }
  return "stop";
}

sample::SamplerModel sampler_model(const text::Tokenizer& tokenizer, size_t n_vocab,
                                   size_t n_context, const sample::SamplerParams& params) {
  sample::SamplerModel model{.n_vocab = n_vocab, .n_context = n_context, .dry_breakers = {}};
  if (params.dry_multiplier > 0) {
    std::string piece;
    model.dry_breakers = sample::dry_breaker_sequences(
        params.dry_sequence_breakers, tokenizer.n_vocab(),
        [&](int32_t id) -> std::string_view {
          piece.clear();
          tokenizer.append_piece(id, true, piece);
          return piece;
        },
        [&](std::string_view text) {
          return tokenizer.encode(text, {.add_special = false, .parse_special = false});
        });
  }
  return model;
}

Result<Answer> Answer::make(const text::Tokenizer& tokenizer, sample::SamplerModel model,
                            const AnswerParams& params, std::unique_ptr<sample::TokenMask> mask,
                            Guide guide) {
  TRY_LET(sample::Sampler sampler, sample::Sampler::create(params.sampler, std::move(model)));
  return Answer(tokenizer, params, std::move(sampler), std::move(mask), std::move(guide));
}

Answer::Answer(const text::Tokenizer& tokenizer, const AnswerParams& params,
               sample::Sampler sampler, std::unique_ptr<sample::TokenMask> mask, Guide guide)
    : tokenizer_(&tokenizer),
      max_tokens_(params.max_tokens),
      ignore_end_(params.ignore_end),
      n_logprobs_(params.n_logprobs),
      sampler_(std::move(sampler)),
      mask_(std::move(mask)),
      guide_(std::move(guide)),
      decoder_(tokenizer, params.show_special),
      stop_(params.stop) {}

void Answer::accept_prompt(std::span<const int32_t> tokens) {
  for (const int32_t id : tokens) sampler_.accept(id);
}

Result<int32_t> Answer::choose(std::span<const float> logits) {
  if (!forced_.empty()) {
    const int32_t id = forced_.front();
    forced_.pop_front();
    return id;
  }
  const auto allowed = mask_ ? mask_->allowed() : std::span<const uint64_t>();
  TRY_LET(const sample::Sampled sampled, sampler_.sample(logits, allowed));
  return sampled.id;
}

Result<int32_t> Answer::take(std::span<const float> logits) {
  CHECK(!finished_);
  TRY_LET(const int32_t id, choose(logits));
  if (n_logprobs_ >= 0) {
    TRY_LET(auto logprobs, sample::position_logprobs(logits, id, static_cast<size_t>(n_logprobs_)));
    logprobs_.push_back(std::move(logprobs));
  }
  sampler_.accept(id);
  if (mask_) TRY(mask_->accept(id));
  tokens_.push_back(id);
  if (guide_) {
    for (const int32_t forced : guide_(id)) forced_.push_back(forced);
  }
  if (!ignore_end_ && tokenizer_->is_end_of_generation(id)) {
    finish(FinishReason::kStop);
    return id;
  }
  show(decoder_.push(id));
  if (mask_ && mask_->complete()) finish(FinishReason::kStop);
  if (n_left() == 0) finish(FinishReason::kLength);
  return id;
}

int64_t Answer::n_left() const {
  if (max_tokens_ < 0) return std::numeric_limits<int64_t>::max();
  return max_tokens_ - std::min(max_tokens_, static_cast<int64_t>(tokens_.size()));
}

void Answer::show(std::string_view text) {
  if (!stop_.push(text, text_)) return;
  finished_ = true;
  reason_ = FinishReason::kStop;
}

void Answer::finish(FinishReason reason) {
  if (finished_) return;
  show(decoder_.finish());
  if (finished_) return;
  stop_.finish(text_);
  finished_ = true;
  reason_ = reason;
}

std::string_view Answer::stopped_by() const {
  return stop_.stopped() ? stop_.found() : std::string_view();
}

std::string Answer::take_text() { return std::exchange(text_, {}); }

std::vector<sample::PositionLogprobs> Answer::take_logprobs() {
  return std::exchange(logprobs_, {});
}

}  // namespace hearth::engine
