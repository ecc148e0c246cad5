// SPDX-License-Identifier: MIT
// What the scheduler knows of owners, requests and their answers. Inner matter of scheduler*.cpp.
#pragma once
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/generation.h"
#include "engine/speculate.h"

namespace hearth::engine::scheduling {

struct Request;
struct Stream;

// Lives while it has requests.
struct Owner {
  std::string name;
  // Tokens computed for it; begins at the least of the others', so that nobody owes for the past.
  uint64_t n_computed = 0;
  std::vector<Stream*> waiting;  // by order
  int n_running = 0;             // streams
  int n_requests = 0;
};

// One answer of a request: the sequence that it grows in, while it runs.
struct Stream {
  Request* request = nullptr;
  int i_answer = 0;
  uint64_t order = 0;           // of arrival
  std::vector<int32_t> tokens;  // prompt and answer so far; empty until it first runs
  std::optional<Answer> answer;
  std::optional<Sequence> sequence;  // while it runs; holds a beginning of `tokens`
  GuessWatch guesses;

  int n_done() const { return sequence->n_tokens(); }
  int n_known() const { return static_cast<int>(tokens.size()); }
};

struct Request {
  GenerationRequest asked;
  std::unique_ptr<GenerationSink> sink;
  sample::SamplerModel model;
  Owner* owner = nullptr;
  std::vector<std::unique_ptr<Stream>> streams;
  int n_unfinished = 0;
  bool paused = false;
  bool ended = false;  // the sink had its last call; destroyed before the next step
  GenerationUsage usage;
  double submitted_ms = 0;
  std::optional<double> started_ms, first_token_ms;
  int n_prompt_logprobs = 0;  // given to the sink

  int n_prompt() const { return static_cast<int>(asked.prompt.size()); }
};

// Tokens computed in the prompt's form, or as an answer's: see Role.
inline bool in_prompt(const Stream& stream) { return stream.n_done() < stream.request->n_prompt(); }
// All but the newest token are computed: the next step gives another one.
inline bool is_decoding(const Stream& stream) {
  return !in_prompt(stream) && stream.n_known() - stream.n_done() == 1;
}

// What a step does for one stream.
struct Planned {
  Stream* stream = nullptr;
  int n_tokens = 0;  // of stream->tokens, from n_done on
  Role role = Role::kAnswer;
  Want want = Want::kNothing;
  std::vector<int32_t> guessed;  // further tokens behind the newest one, to be verified
  std::vector<int32_t> fed;      // the newest one and the guessed, where there are any

  int n_rows() const {
    if (want == Want::kNothing) return 0;
    return want == Want::kLast ? 1 : n_tokens + static_cast<int>(guessed.size());
  }
};

}  // namespace hearth::engine::scheduling
