// SPDX-License-Identifier: MIT
// One job's listener at the scheduler: makes events of what it hears.
#pragma once
#include <string>
#include <vector>

#include "engine/generation.h"
#include "engine/job_source.h"
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

  JobEventOptions options_;
  const text::Tokenizer& tokenizer_;
  const EventSink& sink_;
  std::vector<sample::PositionLogprobs> prompt_logprobs_;
  bool echoed_ = false;
};

}  // namespace hearth::engine
