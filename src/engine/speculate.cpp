// SPDX-License-Identifier: MIT
#include "engine/speculate.h"

#include <algorithm>
#include <cstddef>

namespace hearth::engine {
namespace {

constexpr size_t kLongestMatch = 16;  // longer ones are no surer
constexpr int kTry = 2;               // guesses of a try against experience
constexpr int kMostPatience = 256;    // at two guesses, less than a hundredth of the time
constexpr double kNewRate = 0.2;      // how much a new result counts

}  // namespace

std::vector<int32_t> guess_next(std::span<const int32_t> tokens, int n_wanted) {
  const size_t n = tokens.size();
  if (n_wanted <= 0) return {};
  size_t best_length = kMinMatch - 1, best_end = 0;
  // `end`: one past an earlier occurrence; the latest of the longest wins.
  for (size_t end = n - std::min<size_t>(n, 1); end >= kMinMatch; --end) {
    if (tokens[end - 1] != tokens[n - 1]) continue;
    size_t length = 1;
    while (length < kLongestMatch && length < end &&
           tokens[end - 1 - length] == tokens[n - 1 - length]) {
      ++length;
    }
    if (length > best_length) {
      best_length = length;
      best_end = end;
      if (length == kLongestMatch) break;
    }
  }
  if (best_end == 0) return {};
  // Where it runs into the end, what was guessed goes on: a loop goes round once more.
  std::vector<int32_t> guessed;
  while (guessed.size() < static_cast<size_t>(n_wanted)) {
    const size_t at = best_end + guessed.size();
    guessed.push_back(at < n ? tokens[at] : guessed[at - n]);
  }
  return guessed;
}

// Each guess counts only if all before it were right.
double GuessWatch::expected(int n_guessed) const {
  double sum = 0, all_right = 1;
  for (int i = 0; i < n_guessed; ++i) {
    all_right *= rate_;
    sum += all_right;
  }
  return sum;
}

int GuessWatch::n_worth(const StepCost& cost, int n_rows) {
  int best = 0;
  double best_gain = 0;
  const double now = cost.answer_ms(n_rows);
  for (int n = 1; n <= kMostGuessed; ++n) {
    // What was never measured is tried, as far as experience with guesses allows hope.
    if (!cost.knows(n_rows + n)) {
      if (expected(n) - expected(n - 1) > 0.3) best = n;
      continue;
    }
    // A token gained saves its share of a later step.
    const double gain = expected(n) * now / n_rows - (cost.answer_ms(n_rows + n) - now);
    if (gain > best_gain) {
      best_gain = gain;
      best = n;
    }
  }
  if (best > 0) {
    n_skipped_ = 0;
    patience_ = kLeastPatience;
    return best;
  }
  if (++n_skipped_ < patience_) return 0;
  n_skipped_ = 0;
  patience_ = std::min(kMostPatience, patience_ * 2);
  return kTry;
}

void GuessWatch::add(int n_guessed, int n_accepted) {
  if (n_guessed <= 0) return;
  const int n_tested = std::min(n_guessed, n_accepted + 1);
  for (int i = 0; i < n_tested; ++i) {
    rate_ += kNewRate * ((i < n_accepted ? 1.0 : 0.0) - rate_);
  }
}

}  // namespace hearth::engine
