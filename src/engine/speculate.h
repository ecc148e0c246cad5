// SPDX-License-Identifier: MIT
// Guessing ahead without a second model: what followed the last time that the newest tokens came.
// In answers that quote their prompt (code that is edited, texts that are summarised) many guesses
// are right; a step that verifies several tokens costs little more than one for a single token, as
// both read all weights. Elsewhere guesses are wrong and cost time, so each answer watches its own.
// Source: prompt lookup decoding, A. Saxena 2023; verification as in Leviathan et al. 2023,
// arXiv:2211.17192, in its exact form: a guess counts where it is the token that is chosen anyway.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "engine/step_cost.h"

namespace hearth::engine {

// The `n_wanted` tokens that followed the last place where the longest end of `tokens` stands
// before. Empty where not even the last kMinMatch tokens came before.
inline constexpr int kMinMatch = 3;
std::vector<int32_t> guess_next(std::span<const int32_t> tokens, int n_wanted);

// One answer's experience with guesses.
class GuessWatch {
 public:
  static constexpr int kMostGuessed = 8;
  static constexpr int kLeastPatience = 16;

  // How many tokens are worth guessing in a step that has `n_rows` rows without them; 0: none.
  // Called once for each step that could guess.
  int n_worth(const StepCost& cost, int n_rows);

  // Of `n_guessed` tokens, the first `n_accepted` were right.
  void add(int n_guessed, int n_accepted);

 private:
  double expected(int n_guessed) const;

  double rate_ = 0.7;  // how often a guess is right that follows right ones; hopeful at first
  int n_skipped_ = 0;  // steps without a guess since the last
  int patience_ = kLeastPatience;  // so many, then one more try; doubled by each
};

}  // namespace hearth::engine
