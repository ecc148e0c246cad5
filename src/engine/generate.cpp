// SPDX-License-Identifier: MIT
#include "engine/generate.h"

#include <algorithm>
#include <optional>

#include "base/clock.h"
#include "sample/dry_breakers.h"
#include "sample/sampler.h"
#include "text/stop_matcher.h"
#include "text/stream_decoder.h"

namespace hearth::engine {
namespace {

bool is_cancelled(const std::atomic<bool>* cancel) {
  return cancel != nullptr && cancel->load(std::memory_order_relaxed);
}

Result<sample::Sampler> make_sampler(const Engine& engine, const text::Tokenizer& tokenizer,
                                     const sample::SamplerParams& params) {
  sample::SamplerModel model{.n_vocab = static_cast<size_t>(engine.hparams().V),
                             .n_context = static_cast<size_t>(engine.n_ctx())};
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
  return sample::Sampler::create(params, std::move(model));
}

class Generation {
 public:
  Generation(Engine& engine, const text::Tokenizer& tokenizer, Sequence& sequence,
             const GenerateRequest& request, FunctionRef<void(std::string_view)> on_text,
             const std::atomic<bool>* cancel, sample::Sampler sampler)
      : engine_(engine),
        tokenizer_(tokenizer),
        sequence_(sequence),
        request_(request),
        on_text_(on_text),
        cancel_(cancel),
        sampler_(std::move(sampler)),
        decoder_(tokenizer),
        stop_(request.stop) {}

  Result<GenerateResult> run() {
    TRY(prefill());
    if (!done_) TRY(decode());
    finish_text();
    return std::move(result_);
  }

 private:
  Status prefill() {
    const Stopwatch watch;
    const std::vector<int32_t>& prompt = request_.prompt;
    result_.n_prompt = static_cast<int>(prompt.size());
    // The last token is always computed anew: its logits are wanted.
    const auto known = sequence_.tokens();
    const size_t limit = std::min(known.size(), prompt.size() - 1);
    const auto common = static_cast<int>(
        std::mismatch(known.begin(), known.begin() + static_cast<std::ptrdiff_t>(limit),
                      prompt.begin())
            .first -
        known.begin());
    result_.n_cached = sequence_.truncate(common);
    for (const int32_t id : prompt) sampler_.accept(id);
    auto rest = std::span<const int32_t>(prompt).subspan(static_cast<size_t>(result_.n_cached));
    while (!rest.empty() && !done_) {
      const size_t n = std::min(rest.size(), static_cast<size_t>(engine_.max_batch()));
      TRY(step(rest.first(n), n == rest.size() ? Want::kLast : Want::kNothing, Role::kPrompt));
      rest = rest.subspan(n);
    }
    result_.prefill_ms = watch.elapsed_ms();
    return {};
  }

  Status decode() {
    const Stopwatch watch;
    while (!done_) {
      if (request_.max_tokens >= 0 &&
          static_cast<int64_t>(result_.tokens.size()) >= request_.max_tokens) {
        finish(FinishReason::kLength);
        break;
      }
      TRY(take_token());
      if (done_) break;
      if (sequence_.n_tokens() >= engine_.n_ctx()) {
        result_.warnings.push_back(
            fmt::format("the context of {} tokens is full: the answer ends here", engine_.n_ctx()));
        finish(FinishReason::kContextFull);
        break;
      }
      // A last token that nothing follows need not be computed.
      if (request_.max_tokens >= 0 &&
          static_cast<int64_t>(result_.tokens.size()) >= request_.max_tokens) {
        continue;
      }
      TRY(step({&result_.tokens.back(), 1}, Want::kLast, Role::kAnswer));
    }
    result_.decode_ms = watch.elapsed_ms();
    return {};
  }

  // Samples from the newest logits and takes the token into the answer.
  Status take_token() {
    const std::span<const float> logits = engine_.output(0);
    TRY_LET(const sample::Sampled sampled, sampler_.sample(logits));
    if (request_.n_logprobs >= 0) {
      TRY_LET(auto logprobs, sample::position_logprobs(logits, sampled.id,
                                                       static_cast<size_t>(request_.n_logprobs)));
      result_.logprobs.push_back(std::move(logprobs));
    }
    sampler_.accept(sampled.id);
    result_.tokens.push_back(sampled.id);
    if (!request_.ignore_end && tokenizer_.is_end_of_generation(sampled.id)) {
      finish(FinishReason::kStop);
      return {};
    }
    show(decoder_.push(sampled.id));
    if (is_cancelled(cancel_)) finish(FinishReason::kInterrupted);
    return {};
  }

  void show(std::string_view text) {
    shown_.clear();
    if (stop_.push(text, shown_)) finish(FinishReason::kStop);
    give_out();
  }
  void finish_text() {
    if (stop_.stopped()) return;
    show(decoder_.finish());
    if (stop_.stopped()) return;
    shown_.clear();
    stop_.finish(shown_);
    give_out();
  }
  void give_out() {
    if (shown_.empty()) return;
    result_.text += shown_;
    on_text_(shown_);
  }

  Status step(std::span<const int32_t> tokens, Want want, Role role) {
    const StepPart part{&sequence_, tokens, want, role};
    const Status status = engine_.step({&part, 1}, cancel_);
    if (!status && status.error().code == ErrorCode::kInterrupted && is_cancelled(cancel_)) {
      finish(FinishReason::kInterrupted);
      return {};
    }
    return status;
  }

  void finish(FinishReason reason) {
    result_.finish = reason;
    done_ = true;
  }

  Engine& engine_;
  const text::Tokenizer& tokenizer_;
  Sequence& sequence_;
  const GenerateRequest& request_;
  FunctionRef<void(std::string_view)> on_text_;
  const std::atomic<bool>* cancel_;
  sample::Sampler sampler_;
  text::StreamDecoder decoder_;
  text::StopMatcher stop_;
  GenerateResult result_;
  std::string shown_;
  bool done_ = false;
};

}  // namespace

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

double GenerateResult::prefill_tps() const {
  return prefill_ms > 0 ? 1000.0 * (n_prompt - n_cached) / prefill_ms : 0.0;
}

double GenerateResult::decode_tps() const {
  // The first token's logits come from the prefill.
  return decode_ms > 0 && tokens.size() > 1
             ? 1000.0 * static_cast<double>(tokens.size() - 1) / decode_ms
             : 0.0;
}

Result<GenerateResult> generate(Engine& engine, const text::Tokenizer& tokenizer,
                                Sequence& sequence, const GenerateRequest& request,
                                FunctionRef<void(std::string_view)> on_text,
                                const std::atomic<bool>* cancel) {
  if (request.prompt.empty()) {
    return with_hint(invalid("the prompt is empty"), "give at least one token of text");
  }
  if (request.prompt.size() > static_cast<size_t>(engine.n_ctx())) {
    return with_hint(over_limit("the prompt has {} tokens, the context holds {}",
                                request.prompt.size(), engine.n_ctx()),
                     "use a longer context (-c) or a shorter prompt");
  }
  TRY_LET(sample::Sampler sampler, make_sampler(engine, tokenizer, request.sampler));
  return Generation(engine, tokenizer, sequence, request, on_text, cancel, std::move(sampler))
      .run();
}

}  // namespace hearth::engine
