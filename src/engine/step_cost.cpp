// SPDX-License-Identifier: MIT
#include "engine/step_cost.h"

#include <algorithm>
#include <cstddef>

namespace hearth::engine {
namespace {

// How much a new measurement counts. Prompts move quickly, as a token costs more the more there are
// before it; steps of answers are many, and one that was disturbed should not count much.
constexpr double kNewPrompt = 0.5, kNewAnswer = 0.2;
constexpr double kLeastMs = 1e-6;  // 0 means that nothing is known
constexpr int kMaxRows = 512;      // more are told apart by proportion

void blend(double& value, double measured, double weight) {
  value = value == 0 ? measured : value + weight * (measured - value);
}

}  // namespace

void StepCost::add(int n_prompt, int n_answer, double ms) {
  ms = std::max(ms, kLeastMs);
  if (n_prompt > 0) {
    const double rest = std::max(0.0, ms - answer_ms(n_answer));
    return blend(prompt_token_ms_, rest / n_prompt, kNewPrompt);
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

bool StepCost::knows(int n_answer) const {
  return static_cast<size_t>(n_answer) < answer_ms_.size();
}

}  // namespace hearth::engine
