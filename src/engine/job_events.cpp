// SPDX-License-Identifier: MIT
#include "engine/job_events.h"

#include <utility>

namespace hearth::engine {

JobEvents::JobEvents(JobEventOptions options, const text::Tokenizer& tokenizer,
                     const EventSink& sink)
    : options_(std::move(options)), tokenizer_(tokenizer), sink_(sink) {}

Event JobEvents::event(EventKind kind, int i_answer) const {
  Event made;
  made.id = options_.id;
  made.kind = kind;
  made.i_answer = i_answer;
  return made;
}

void JobEvents::add_logprobs(Event& event, std::span<const sample::PositionLogprobs> list) const {
  event.logprobs.assign(list.begin(), list.end());
  for (const sample::PositionLogprobs& position : list) {
    event.logprob_texts.push_back(tokenizer_.piece(position.chosen.id, true));
    for (const sample::TokenLogprob& top : position.top) {
      event.logprob_texts.push_back(tokenizer_.piece(top.id, true));
    }
  }
}

void JobEvents::on_started(int n_prompt, int n_cached) {
  Event started = event(EventKind::kStarted);
  started.usage.n_prompt = n_prompt;
  started.usage.n_cached = n_cached;
  started.warnings = std::move(options_.warnings);
  sink_(std::move(started));
}

void JobEvents::on_prompt_logprobs(std::span<const sample::PositionLogprobs> list) {
  prompt_logprobs_.insert(prompt_logprobs_.end(), list.begin(), list.end());
}

// Before the first event of any answer, when the prompt's log-probabilities are complete.
void JobEvents::echo_prompt() {
  if (!options_.echo || std::exchange(echoed_, true)) return;
  for (int i = 0; i < options_.n; ++i) {
    Event delta = event(EventKind::kDelta, i);
    delta.text = options_.prompt_text;
    if (options_.want_tokens || options_.want_logprobs) delta.tokens = options_.prompt_tokens;
    add_logprobs(delta, prompt_logprobs_);
    sink_(std::move(delta));
  }
}

text::AnswerParser* JobEvents::parser_of(int i_answer) {
  const auto i = static_cast<size_t>(i_answer);
  return i < options_.parsers.size() ? &options_.parsers[i] : nullptr;
}

bool JobEvents::add_pieces(Event& event, text::AnswerPieces pieces) {
  event.text = std::move(pieces.content);
  event.reasoning = std::move(pieces.reasoning);
  for (text::ToolCallPiece& call : pieces.calls) {
    event.tool_calls.push_back(
        {call.index, std::move(call.id), std::move(call.name), std::move(call.arguments)});
  }
  event.warnings = std::move(pieces.warnings);
  return !event.text.empty() || !event.reasoning.empty() || !event.tool_calls.empty() ||
         !event.warnings.empty();
}

void JobEvents::on_piece(const AnswerPiece& piece) {
  echo_prompt();
  Event delta = event(EventKind::kDelta, piece.i_answer);
  bool tells = !piece.text.empty();
  if (text::AnswerParser* const parser = parser_of(piece.i_answer)) {
    const bool was_reasoning = parser->is_in_reasoning();
    tells = add_pieces(delta, parser->push(piece.text));
    if (was_reasoning || parser->is_in_reasoning()) {
      n_reasoning_ += static_cast<int64_t>(piece.tokens.size());
    }
  } else {
    delta.text = piece.text;
  }
  // Half a character says nothing, unless somebody follows the tokens.
  if (!tells && !options_.want_tokens && !options_.want_logprobs) return;
  if (options_.want_tokens) delta.tokens.assign(piece.tokens.begin(), piece.tokens.end());
  add_logprobs(delta, piece.logprobs);
  sink_(std::move(delta));
}

void JobEvents::on_finished(int i_answer, FinishReason reason, std::string_view stopped_by) {
  echo_prompt();
  Event finished = event(EventKind::kFinished, i_answer);
  finished.finish_reason = finish_reason_name(reason);
  finished.stopped_by = stopped_by;
  if (text::AnswerParser* const parser = parser_of(i_answer)) {
    Event last = event(EventKind::kDelta, i_answer);
    if (add_pieces(last, parser->finish())) sink_(std::move(last));
    if (parser->n_calls() > 0 && reason == FinishReason::kStop) {
      finished.finish_reason = "tool_calls";
    }
  }
  if (reason == FinishReason::kContextFull) {
    finished.warnings.push_back(
        fmt::format("the context of {} tokens is full: the answer ends here", options_.n_ctx));
  }
  sink_(std::move(finished));
}

void JobEvents::on_done(const GenerationUsage& usage) {
  Event done = event(EventKind::kDone);
  done.usage.n_prompt = usage.n_prompt;
  done.usage.n_cached = usage.n_cached;
  done.usage.n_completion = usage.n_completion;
  done.usage.n_reasoning = n_reasoning_;
  done.usage.n_drafted = usage.n_drafted;
  done.usage.n_accepted = usage.n_accepted;
  done.usage.queued_ms = usage.queued_ms;
  done.usage.prefill_ms = usage.prefill_ms;
  done.usage.decode_ms = usage.decode_ms;
  sink_(std::move(done));
}

void JobEvents::on_error(const Error& error) {
  Event failed = event(EventKind::kError);
  failed.error = error;
  sink_(std::move(failed));
}

}  // namespace hearth::engine
