// SPDX-License-Identifier: MIT
// DRY ("don't repeat yourself"): a token that would continue a repetition of n tokens loses
// multiplier * base^(n - allowed_length), once n >= allowed_length. The repetition must be at the
// end of the text and does not reach back over a sequence breaker (a line end, a quote, …); a
// token that is itself a breaker is never penalized.
// In: the history and logits of shape [V]. Out: lowered logits.
// Source: p-e-w's description in text-generation-webui, pull request 5677 (2024); the matches are
// found in linear time with the Z-algorithm (Gusfield, "Algorithms on Strings, Trees and
// Sequences", 1997, section 1.4) over the history read backwards.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "sample/history.h"

namespace hearth::sample {

// A breaker as tokens, oldest first; never empty.
using TokenSequence = std::vector<int32_t>;

struct DryParams {
  double multiplier = 0;  // 0: off
  double base = 1.75;
  size_t allowed_length = 2;
  size_t window = 0;  // how many of the last tokens are looked at
};

class Dry {
 public:
  // The ids in `breakers` are below n_vocab. Memory: 4 bytes * n_vocab + 8 bytes * window where on.
  Dry(const DryParams& params, std::vector<TokenSequence> breakers, size_t n_vocab);

  void accept(int32_t id);
  void apply(std::span<float> logits);
  void clear() { history_.clear(); }
  bool is_off() const { return history_.capacity() == 0; }

 private:
  size_t tokens_since_breaker() const;
  void find_repeats(size_t limit);
  bool starts_breaker(int32_t id) const;
  bool is_breaker(int32_t id) const;
  std::span<const TokenSequence> breakers_from(int32_t id) const;

  DryParams params_;
  History history_;
  std::vector<TokenSequence> breakers_;  // sorted
  size_t longest_breaker_ = 0;
  std::vector<uint64_t> heads_;         // bit per token: some breaker starts with it
  std::vector<uint32_t> repeats_;       // [window], see find_repeats
  std::vector<uint32_t> longest_;       // [V], 0 between calls
  std::vector<int32_t> continuations_;  // tokens for which longest_ is set
};

}  // namespace hearth::sample
