// SPDX-License-Identifier: MIT
// See dry.h.
#include "sample/dry.h"

#include <algorithm>
#include <limits>

#include "sample/logit.h"
#include "sample/portable_math.h"

namespace hearth::sample {

Dry::Dry(const DryParams& params, std::vector<TokenSequence> breakers, size_t n_vocab)
    : params_(params), history_(params.multiplier > 0 ? params.window : 0) {
  if (history_.capacity() == 0) return;
  breakers_ = std::move(breakers);
  std::sort(breakers_.begin(), breakers_.end());
  breakers_.erase(std::unique(breakers_.begin(), breakers_.end()), breakers_.end());
  heads_.resize((n_vocab + 63) / 64);
  for (const TokenSequence& breaker : breakers_) {
    const auto head = static_cast<size_t>(breaker.front());
    heads_[head / 64] |= uint64_t{1} << (head % 64);
    longest_breaker_ = std::max(longest_breaker_, breaker.size());
  }
  repeats_.resize(history_.capacity());
  longest_.resize(n_vocab);
  continuations_.reserve(history_.capacity());
}

void Dry::accept(int32_t id) { history_.push(id); }

bool Dry::starts_breaker(int32_t id) const {
  const auto i = static_cast<size_t>(id);
  return (heads_[i / 64] >> (i % 64)) & 1u;
}

std::span<const TokenSequence> Dry::breakers_from(int32_t id) const {
  const auto by_head = [](const TokenSequence& a, int32_t head) { return a.front() < head; };
  const auto first = std::lower_bound(breakers_.begin(), breakers_.end(), id, by_head);
  auto last = first;
  while (last != breakers_.end() && last->front() == id) ++last;
  return {first, last};
}

bool Dry::is_breaker(int32_t id) const {
  // A sequence of one token sorts before all others with the same head.
  return starts_breaker(id) && breakers_from(id).front().size() == 1;
}

// How many tokens follow the last breaker in the history (all of it where there is none).
size_t Dry::tokens_since_breaker() const {
  size_t since = history_.size();
  // A breaker that starts i tokens from the end leaves at least i + 1 - longest_breaker_ after it.
  for (size_t i = 0; i < history_.size() && i < since + longest_breaker_; ++i) {
    if (!starts_breaker(history_.back(i))) continue;
    for (const TokenSequence& breaker : breakers_from(history_.back(i))) {
      if (breaker.size() > i + 1) continue;
      size_t n = 1;
      while (n < breaker.size() && history_.back(i - n) == breaker[n]) ++n;
      if (n == breaker.size()) since = std::min(since, i + 1 - n);
    }
  }
  return since;
}

// repeats_[k] = how many of the newest tokens also stand, in the same order, before and including
// the k-th token from the end; at most `limit`. This is the Z-function of the history read
// backwards.
void Dry::find_repeats(size_t limit) {
  const size_t n = history_.size();
  repeats_[0] = 0;
  size_t left = 0;
  size_t right = 0;  // [left, right) is the match that reaches furthest
  for (size_t k = 1; k < n; ++k) {
    size_t length = 0;
    if (k < right) length = std::min<size_t>(right - k, repeats_[k - left]);
    while (k + length < n && history_.back(length) == history_.back(k + length)) ++length;
    if (k + length > right) {
      left = k;
      right = k + length;
    }
    repeats_[k] = static_cast<uint32_t>(length);
  }
  for (size_t k = 1; k < n; ++k) repeats_[k] = std::min(repeats_[k], static_cast<uint32_t>(limit));
}

void Dry::apply(std::span<float> logits) {
  if (history_.size() <= params_.allowed_length) return;
  const size_t limit = tokens_since_breaker();
  if (limit < params_.allowed_length) return;
  find_repeats(limit);
  continuations_.clear();
  for (size_t k = 1; k < history_.size(); ++k) {
    if (repeats_[k] < params_.allowed_length) continue;
    // The token after the earlier occurrence is the one that would continue the repetition.
    const int32_t id = history_.back(k - 1);
    uint32_t& longest = longest_[static_cast<size_t>(id)];
    if (longest == 0) continuations_.push_back(id);
    longest = std::max(longest, repeats_[k]);
  }
  for (const int32_t id : continuations_) {
    const auto i = static_cast<size_t>(id);
    const auto excess = static_cast<double>(longest_[i] - params_.allowed_length);
    longest_[i] = 0;
    if (is_breaker(id)) continue;
    // A long repetition overflows the power; it must not turn into the -infinity of a forbidden
    // token, or a text in which everything was said would leave nothing to choose.
    const double penalty = std::min<double>(params_.multiplier * portable_pow(params_.base, excess),
                                            std::numeric_limits<float>::max());
    logits[i] = to_logit(logits[i] - penalty);
  }
}

}  // namespace hearth::sample
