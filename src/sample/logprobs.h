// SPDX-License-Identifier: MIT
// Log-probabilities of the model itself, before any sampler: natural logarithm, in double.
// In: logits of shape [V]. NaN, +infinity, or nothing above -infinity is a kNumeric error.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"

namespace hearth::sample {

struct TokenLogprob {
  int32_t id = 0;
  double logprob = 0;

  bool operator==(const TokenLogprob&) const = default;
};

// One position: the distribution from which its token came.
struct PositionLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // likeliest first, equal ones by lower id
};

// log(sum(exp(logit))): subtract it from a logit to have the token's log-probability.
Result<double> log_normalizer(std::span<const float> logits);

// The k likeliest tokens (fewer where fewer are possible).
Result<std::vector<TokenLogprob>> top_logprobs(std::span<const float> logits, size_t k);

// The same together with the chosen token's; `id` is below V.
Result<PositionLogprobs> position_logprobs(std::span<const float> logits, int32_t id, size_t k);

// The highest logit, after the check that all are usable: F13 of the reliability rules. Numbers
// that are not finite end one request with an error, never the program.
Result<float> checked_highest(std::span<const float> logits);

}  // namespace hearth::sample
