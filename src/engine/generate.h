// SPDX-License-Identifier: MIT
// One answer for one sequence: prefill in chunks, sample, decode, stream text, stop. Reuses what
// the sequence has in the cache already (the common prefix with the prompt). Thread rule: that of
// the engine.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "engine/answer.h"
#include "engine/engine.h"
#include "sample/logprobs.h"
#include "sample/params.h"
#include "text/tokenizer.h"

namespace hearth::engine {

struct GenerateRequest {
  std::vector<int32_t> prompt;
  sample::SamplerParams sampler;
  int64_t max_tokens = -1;        // -1: until the model ends or the context is full
  std::vector<std::string> stop;  // texts that end the answer; they are not part of it
  bool ignore_end = false;        // go on after end-of-generation tokens
  int n_logprobs = -1;            // -1: none; k: the chosen token's and the k likeliest
};

struct GenerateResult {
  std::string text;
  std::vector<int32_t> tokens;  // of the answer, the end token included
  FinishReason finish = FinishReason::kStop;
  int n_prompt = 0;
  int n_cached = 0;  // of the prompt, that were in the cache
  double prefill_ms = 0.0;
  double decode_ms = 0.0;
  std::vector<sample::PositionLogprobs> logprobs;  // one per token where asked for
  std::vector<std::string> warnings;

  double prefill_tps() const;
  double decode_tps() const;
};

// `on_text` gets the text as it comes, whole characters only. Errors: the prompt is empty or does
// not fit, parameters out of range, the model computed no numbers.
Result<GenerateResult> generate(Engine& engine, const text::Tokenizer& tokenizer,
                                Sequence& sequence, const GenerateRequest& request,
                                FunctionRef<void(std::string_view)> on_text,
                                const std::atomic<bool>* cancel);

}  // namespace hearth::engine
