// SPDX-License-Identifier: MIT
#include "engine/generate.h"

#include <algorithm>

#include "base/clock.h"

namespace hearth::engine {
namespace {

bool is_cancelled(const std::atomic<bool>* cancel) {
  return cancel != nullptr && cancel->load(std::memory_order_relaxed);
}

class Generation {
 public:
  Generation(Engine& engine, Sequence& sequence, const GenerateRequest& request,
             FunctionRef<void(std::string_view)> on_text, const std::atomic<bool>* cancel,
             Answer answer)
      : engine_(engine),
        sequence_(sequence),
        request_(request),
        on_text_(on_text),
        cancel_(cancel),
        answer_(std::move(answer)) {}

  Result<GenerateResult> run() {
    TRY(prefill());
    if (!answer_.is_finished()) TRY(decode());
    give_out();
    result_.finish = answer_.reason();
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
    answer_.accept_prompt(prompt);
    auto rest = std::span<const int32_t>(prompt).subspan(static_cast<size_t>(result_.n_cached));
    while (!rest.empty() && !answer_.is_finished()) {
      const size_t n = std::min(rest.size(), static_cast<size_t>(engine_.max_batch()));
      TRY(step(rest.first(n), n == rest.size() ? Want::kLast : Want::kNothing, Role::kPrompt));
      rest = rest.subspan(n);
    }
    result_.prefill_ms = watch.elapsed_ms();
    return {};
  }

  Status decode() {
    const Stopwatch watch;
    if (answer_.n_left() == 0) answer_.finish(FinishReason::kLength);
    while (!answer_.is_finished()) {
      TRY(take_token());
      // A last token that nothing follows need not be computed.
      if (answer_.is_finished()) break;
      if (sequence_.n_tokens() >= engine_.n_ctx()) {
        result_.warnings.push_back(
            fmt::format("the context of {} tokens is full: the answer ends here", engine_.n_ctx()));
        answer_.finish(FinishReason::kContextFull);
        break;
      }
      TRY(step({&result_.tokens.back(), 1}, Want::kLast, Role::kAnswer));
    }
    result_.decode_ms = watch.elapsed_ms();
    return {};
  }

  // Takes a token from the newest logits into the answer.
  Status take_token() {
    TRY_LET(const int32_t id, answer_.take(engine_.output(0)));
    result_.tokens.push_back(id);
    for (auto& logprobs : answer_.take_logprobs()) result_.logprobs.push_back(std::move(logprobs));
    give_out();
    if (is_cancelled(cancel_)) answer_.finish(FinishReason::kInterrupted);
    return {};
  }

  void give_out() {
    const std::string text = answer_.take_text();
    if (text.empty()) return;
    result_.text += text;
    on_text_(text);
  }

  Status step(std::span<const int32_t> tokens, Want want, Role role) {
    const StepPart part{&sequence_, tokens, want, role};
    const Status status = engine_.step({&part, 1}, cancel_);
    if (!status && status.error().code == ErrorCode::kInterrupted && is_cancelled(cancel_)) {
      answer_.finish(FinishReason::kInterrupted);
      return {};
    }
    return status;
  }

  Engine& engine_;
  Sequence& sequence_;
  const GenerateRequest& request_;
  FunctionRef<void(std::string_view)> on_text_;
  const std::atomic<bool>* cancel_;
  Answer answer_;
  GenerateResult result_;
};

}  // namespace

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
  const AnswerParams params{.sampler = request.sampler,
                            .max_tokens = request.max_tokens,
                            .stop = request.stop,
                            .ignore_end = request.ignore_end,
                            .n_logprobs = request.n_logprobs};
  TRY_LET(Answer answer,
          Answer::make(tokenizer,
                       sampler_model(tokenizer, static_cast<size_t>(engine.hparams().V),
                                     static_cast<size_t>(engine.n_ctx()), request.sampler),
                       params, nullptr, {}));
  return Generation(engine, sequence, request, on_text, cancel, std::move(answer)).run();
}

}  // namespace hearth::engine
