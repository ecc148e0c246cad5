// SPDX-License-Identifier: MIT
#include "engine/step_cost.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace hearth::engine {
namespace {

// How much a new measurement counts. Prompts move quickly, as a token costs more the more there are
// before it; steps of answers are many, and one that was disturbed should not count much.
constexpr double kNewPrompt = 0.5, kNewAnswer = 0.2;
// Of a chunk of half the size: 1.05 times at 256 tokens, 1.25 at 64 (docs/performance.md).
constexpr double kSmallerCostsMore = 1.25;
constexpr double kLeastMs = 1e-6;  // 0 means that nothing is known
constexpr int kMaxRows = 512;      // more are told apart by proportion

void blend(double& value, double measured, double weight) {
  value = value == 0 ? measured : value + weight * (measured - value);
}

size_t size_class(int n) {
  return std::min<size_t>(std::bit_width(static_cast<unsigned>(n)) - 1, 19);
}

}  // namespace

void StepCost::add(int n_prompt, int n_answer, double ms) {
  ms = std::max(ms, kLeastMs);
  if (n_prompt > 0) {
    const double rest = std::max(0.0, ms - answer_ms(n_answer));
    last_prompt_token_ms_ = std::max(rest, kLeastMs) / n_prompt;
    const size_t measured = size_class(n_prompt);
    blend(prompt_ms_[measured], last_prompt_token_ms_, kNewPrompt);
    // What was measured of fewer tokens may be old, from before a prompt grew long.
    for (size_t i = 0; i < measured; ++i) {
      if (prompt_ms_[i] > 0) prompt_ms_[i] = std::max(prompt_ms_[i], prompt_ms_[measured]);
    }
    return;
  }
  if (n_answer <= 0 || n_answer > kMaxRows) return;
  const auto i = static_cast<size_t>(n_answer);
  if (answer_ms_.size() <= i) answer_ms_.resize(i + 1, 0.0);
  blend(answer_ms_[i], ms, kNewAnswer);
}

double StepCost::answer_ms(int n_answer) const {
  if (n_answer <= 0 || answer_ms_.empty()) return 0;
  const auto n = static_cast<size_t>(n_answer);
  size_t below = std::min(n, answer_ms_.size() - 1);
  while (below > 0 && answer_ms_[below] == 0) --below;
  size_t above = n;
  while (above < answer_ms_.size() && answer_ms_[above] == 0) ++above;
  if (above >= answer_ms_.size()) {
    return answer_ms_[below] * static_cast<double>(n) / static_cast<double>(below);
  }
  if (below == 0 || below == above) return answer_ms_[above];
  const double part = static_cast<double>(n - below) / static_cast<double>(above - below);
  return answer_ms_[below] + part * (answer_ms_[above] - answer_ms_[below]);
}

// Where a size was not measured: what the next larger one takes and more, or as much as the next
// smaller one, whichever is less.
double StepCost::prompt_token_ms(size_t i) const {
  if (prompt_ms_[i] > 0) return prompt_ms_[i];
  double best = 0, factor = 1;
  for (size_t larger = i + 1; larger < prompt_ms_.size() && best == 0; ++larger) {
    factor *= kSmallerCostsMore;
    best = prompt_ms_[larger] * factor;
  }
  for (size_t smaller = i; smaller > 0; --smaller) {
    if (prompt_ms_[smaller - 1] == 0) continue;
    return best == 0 ? prompt_ms_[smaller - 1] : std::min(best, prompt_ms_[smaller - 1]);
  }
  return best;
}

int StepCost::prompt_tokens_within(double ms) const {
  for (size_t i = prompt_ms_.size(); i > 0; --i) {
    const double token_ms = prompt_token_ms(i - 1);
    if (token_ms == 0) return 0;
    const double most = std::min(ms / token_ms, static_cast<double>((2u << (i - 1)) - 1));
    if (most >= static_cast<double>(1u << (i - 1))) return static_cast<int>(most);
  }
  return 1;
}

bool StepCost::knows(int n_answer) const {
  return static_cast<size_t>(n_answer) < answer_ms_.size();
}

}  // namespace hearth::engine
