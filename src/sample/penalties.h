// SPDX-License-Identifier: MIT
// Repeat, presence and frequency penalties over the last tokens.
// In: the history, and logits of shape [V]. Out: the logits of the tokens that were seen, lowered.
// Sources: the repeat penalty is Keskar et al., "CTRL: A Conditional Transformer Language Model"
// (2019), with the usual repair that a negative logit is multiplied instead of divided; presence
// and frequency are as in OpenAI's API description: count * frequency + presence.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "sample/history.h"

namespace hearth::sample {

struct PenaltyStrength {
  double repeat = 1;
  double presence = 0;
  double frequency = 0;

  bool is_off() const { return repeat == 1 && presence == 0 && frequency == 0; }
};

class Penalties {
 public:
  // `window`: how many of the last tokens count. `n_vocab` 32-bit counters are allocated, once,
  // and only where the penalties are on.
  Penalties(PenaltyStrength strength, size_t window, size_t n_vocab);

  void accept(int32_t id);
  void apply(std::span<float> logits);
  void clear();
  bool is_off() const { return counts_.empty(); }

 private:
  PenaltyStrength strength_;
  History history_;
  std::vector<uint32_t> counts_;  // [V], of the tokens in the window (fewer than 2^31)
};

}  // namespace hearth::sample
