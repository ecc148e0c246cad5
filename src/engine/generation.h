// SPDX-License-Identifier: MIT
// What the scheduler is asked and whom it tells: values in, calls of a sink out.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/answer.h"
#include "sample/logprobs.h"
#include "sample/token_mask.h"

namespace hearth::engine {

struct GenerationRequest {
  uint64_t id = 0;    // chosen by the asker, never used twice
  std::string owner;  // shares a prefix cache and a fair share of the machine with itself alone
  std::vector<int32_t> prompt;
  AnswerParams answer;
  int n = 1;  // answers; answer i has the seed + i where a seed is given
  // Where answers must keep to a form: the state at their begin, cloned for each. May be empty.
  std::unique_ptr<sample::TokenMask> mask;
  // Makes the guide of one answer (Answer::Guide), for a bound on its reasoning. May be empty.
  std::function<Answer::Guide()> make_guide;
  bool prompt_logprobs = false;  // of each token of the prompt after the first; no cache then
  double deadline_ms = 0;        // from its arrival on; 0: none
};

struct GenerationUsage {
  int n_prompt = 0;
  int n_cached = 0;          // of the prompt, that had not to be computed
  int64_t n_completion = 0;  // tokens of all answers
  int64_t n_drafted = 0;     // guessed ahead
  int64_t n_accepted = 0;    // of those, that the model agreed with
  int64_t n_put_back = 0;    // how often an answer had to make way for others and was resumed
  double queued_ms = 0.0;    // until its first step
  double prefill_ms = 0.0;   // from there to the first token
  double decode_ms = 0.0;    // from there to the end
};

// More of one answer. Valid during the call.
struct AnswerPiece {
  int i_answer = 0;
  std::span<const int32_t> tokens;
  std::string_view text;  // whole characters; may be empty, as bytes and stop texts are waited for
  std::span<const sample::PositionLogprobs> logprobs;  // one per token where asked for
};

// One request's listener. The last call is on_done or on_error, exactly one of them. Calls come on
// the engine's thread, from within Scheduler::step; they may call Scheduler::cancel, nothing else.
class GenerationSink {
 public:
  virtual ~GenerationSink() = default;
  virtual void on_started(int n_prompt, int n_cached) = 0;
  // Positions come in order, in pieces: entry i is the distribution of the prompt's token i + 1.
  virtual void on_prompt_logprobs(std::span<const sample::PositionLogprobs>) {}
  virtual void on_piece(const AnswerPiece& piece) = 0;
  virtual void on_finished(int i_answer, FinishReason reason, std::string_view stopped_by) = 0;
  virtual void on_done(const GenerationUsage& usage) = 0;
  // kInterrupted: cancelled or its deadline passed. kNumeric: the model computed no numbers.
  virtual void on_error(const Error& error) = 0;
};

}  // namespace hearth::engine
