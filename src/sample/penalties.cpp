// SPDX-License-Identifier: MIT
// See penalties.h.
#include "sample/penalties.h"

#include <algorithm>

#include "sample/logit.h"

namespace hearth::sample {

Penalties::Penalties(PenaltyStrength strength, size_t window, size_t n_vocab)
    : strength_(strength), history_(strength.is_off() ? 0 : window) {
  if (history_.capacity() > 0) counts_.resize(n_vocab);
}

void Penalties::accept(int32_t id) {
  if (is_off()) return;
  if (history_.size() == history_.capacity())
    --counts_[static_cast<size_t>(history_.back(history_.size() - 1))];
  history_.push(id);
  ++counts_[static_cast<size_t>(id)];
}

void Penalties::apply(std::span<float> logits) {
  if (is_off()) return;
  // A token that is in the window several times is penalized once: its counter carries a mark
  // until the second walk takes it off.
  constexpr uint32_t kDone = 1u << 31;
  for (size_t i = 0; i < history_.size(); ++i) {
    const auto id = static_cast<size_t>(history_.back(i));
    if (counts_[id] & kDone) continue;
    const double count = counts_[id];
    const double logit = logits[id];
    const double repeated = logit <= 0 ? logit * strength_.repeat : logit / strength_.repeat;
    logits[id] = to_logit(repeated - count * strength_.frequency - strength_.presence);
    counts_[id] |= kDone;
  }
  for (size_t i = 0; i < history_.size(); ++i)
    counts_[static_cast<size_t>(history_.back(i))] &= ~kDone;
}

void Penalties::clear() {
  history_.clear();
  std::fill(counts_.begin(), counts_.end(), 0u);
}

}  // namespace hearth::sample
