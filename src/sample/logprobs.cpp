// SPDX-License-Identifier: MIT
// See logprobs.h.
#include "sample/logprobs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "sample/candidates.h"
#include "sample/portable_math.h"

namespace hearth::sample {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

double log_sum_exp(std::span<const float> logits, double highest) {
  double sum = 0;
  for (const float logit : logits) sum += portable_exp(logit - highest);
  return highest + portable_log(sum);
}

std::vector<TokenLogprob> best_of(std::span<const float> logits, size_t k, double normalizer) {
  Candidates best;
  best.take_top(logits, std::min(k, logits.size()));
  std::vector<TokenLogprob> top;
  top.reserve(best.size());
  for (const Candidate& c : best.items()) top.push_back({c.id, c.logit - normalizer});
  return top;
}

}  // namespace

Result<float> checked_highest(std::span<const float> logits) {
  // Independent lanes, which the compiler makes vectors of: one chain would wait for itself at each
  // logit. A logit that is not finite makes a lane of `poison` NaN, the others leave it at 0.
  constexpr size_t kLanes = 16;
  std::array<float, kLanes> lanes, poison;
  lanes.fill(-kInfinity);
  poison.fill(0);
  const size_t whole = logits.size() / kLanes * kLanes;
  for (size_t i = 0; i < whole; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const float logit = logits[i + lane];
      poison[lane] += logit * 0.0f;
      lanes[lane] = logit > lanes[lane] ? logit : lanes[lane];
    }
  }
  float highest = *std::max_element(lanes.begin(), lanes.end());
  bool all_finite = std::all_of(poison.begin(), poison.end(), [](float p) { return p == 0; });
  for (const float logit : logits.subspan(whole)) {
    all_finite &= std::isfinite(logit);
    highest = logit > highest ? logit : highest;
  }
  if (all_finite && highest > -kInfinity) return highest;

  const auto bad = [](std::string_view what) {
    return with_hint(
        numeric_error("the model computed {}", what),
        "the model file may be damaged: check its sha256, or try another quantization");
  };
  const auto is_nan = [](float logit) { return std::isnan(logit); };
  if (std::any_of(logits.begin(), logits.end(), is_nan)) {
    return bad("logits that are not numbers (NaN)");
  }
  if (highest == kInfinity) return bad("an infinite logit");
  if (highest == -kInfinity) return bad("no logit above -infinity");
  return highest;  // some are -infinity
}

Result<double> log_normalizer(std::span<const float> logits) {
  TRY_LET(const double highest, checked_highest(logits));
  return log_sum_exp(logits, highest);
}

Result<std::vector<TokenLogprob>> top_logprobs(std::span<const float> logits, size_t k) {
  TRY_LET(const double normalizer, log_normalizer(logits));
  return best_of(logits, k, normalizer);
}

Result<PositionLogprobs> position_logprobs(std::span<const float> logits, int32_t id, size_t k) {
  CHECK(id >= 0 && static_cast<size_t>(id) < logits.size());
  TRY_LET(const double normalizer, log_normalizer(logits));
  const TokenLogprob chosen{id, logits[static_cast<size_t>(id)] - normalizer};
  return PositionLogprobs{chosen, best_of(logits, k, normalizer)};
}

}  // namespace hearth::sample
