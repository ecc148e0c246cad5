// SPDX-License-Identifier: MIT
// One job's listener at the scheduler: makes events of what it hears, and takes answers apart into
// reasoning, text and calls of tools.
#pragma once
#include <string>
#include <vector>

#include "engine/generation.h"
#include "engine/job_source.h"
#include "text/answer_parser.h"
#include "text/tokenizer.h"

namespace hearth::engine {

// What of a job decides how its events look.
struct JobEventOptions {
  uint64_t id = 0;
  int n = 1;
  bool want_tokens = false;
  bool want_logprobs = false;
  // The prompt comes first in each answer, with its tokens and, where wanted, their
  // log-probabilities from the second token on.
  bool echo = false;
  std::string prompt_text;
  std::vector<int32_t> prompt_tokens;
  std::vector<std::string> warnings;  // so far
  int n_ctx = 0;
  // One for each answer, or none where answers are texts as they are.
  std::vector<text::AnswerParser> parsers;
};

class JobEvents : public GenerationSink {
 public:
  // Both must outlive this.
  JobEvents(JobEventOptions options, const text::Tokenizer& tokenizer, const EventSink& sink);

  void on_started(int n_prompt, int n_cached) override;
  void on_prompt_logprobs(std::span<const sample::PositionLogprobs> list) override;
  void on_piece(const AnswerPiece& piece) override;
  void on_finished(int i_answer, FinishReason reason, std::string_view stopped_by) override;
  void on_done(const GenerationUsage& usage) override;
  void on_error(const Error& error) override;

 private:
  Event event(EventKind kind, int i_answer = 0) const;
  void add_logprobs(Event& event, std::span<const sample::PositionLogprobs> list) const;
  void echo_prompt();
  // What of the text is what; true where there is something to tell.
  static bool add_pieces(Event& event, text::AnswerPieces pieces);
  text::AnswerParser* parser_of(int i_answer);

  JobEventOptions options_;
  const text::Tokenizer& tokenizer_;
  const EventSink& sink_;
  std::vector<sample::PositionLogprobs> prompt_logprobs_;
  bool echoed_ = false;
  int64_t n_reasoning_ = 0;  // tokens
};

}  // namespace hearth::engine
