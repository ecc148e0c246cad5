// SPDX-License-Identifier: MIT
// Events put together to whole answers, for requests that do not stream. One thread.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "engine/job.h"
#include "server/json_out.h"

namespace hearth::server {

struct CollectedCall {
  std::string id, name, arguments;
};

struct CollectedAnswer {
  std::string text, reasoning;
  std::vector<CollectedCall> calls;
  std::vector<int32_t> tokens;
  std::vector<sample::PositionLogprobs> logprobs;
  std::vector<std::string> logprob_texts;
  std::string finish_reason, stopped_by;
};

// The results of a job without an answer, by kind (engine/protocol.h).
struct CollectedResult {
  Json vectors = Json::array();  // kEmbed: of all its events, in order
  int64_t n_tokens = 0;
  Json other;  // of the other kinds
};

struct Collected {
  std::vector<CollectedAnswer> answers;  // of all jobs, n for each
  std::vector<CollectedResult> results;  // one for each job
  engine::Usage usage;                   // of all jobs
  std::vector<std::string> warnings;

  // Deltas, finishes and results; i_answer counts through all jobs.
  void add(const engine::Event& event, size_t i_job);
};

// The sum of tokens, the longest of times.
void add_usage(engine::Usage& sum, const engine::Usage& usage);

}  // namespace hearth::server
