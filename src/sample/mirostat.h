// SPDX-License-Identifier: MIT
// Mirostat: cuts the distribution so that the surprise of the chosen tokens (in bits, under the
// distribution before the cut) stays near tau. It picks the token itself.
// Source: Basu et al., "Mirostat: A Neural Text Decoding Algorithm that Directly Controls
// Perplexity" (2021), algorithm 1 (m = 100 as there); version 2 cuts by surprise directly, as the
// authors' repository does.
#pragma once
#include <cstddef>
#include <cstdint>

#include "sample/candidates.h"
#include "sample/rng.h"

namespace hearth::sample {

enum class MirostatVersion { kOff = 0, kOne = 1, kTwo = 2 };

class Mirostat {
 public:
  Mirostat(MirostatVersion version, double tau, double eta, size_t n_vocab);

  bool is_on() const { return version_ != MirostatVersion::kOff; }

  // Cuts, draws, learns. The chosen candidate, with p after the cut.
  Candidate pick(Candidates& candidates, Pcg32& rng);

  // The bound on surprise, in bits, as it stands.
  double mu() const { return mu_; }
  void clear() { mu_ = 2 * tau_; }

 private:
  size_t count_for_mu(Candidates& candidates) const;

  MirostatVersion version_;
  double tau_;
  double eta_;
  double n_vocab_;
  double mu_;
};

}  // namespace hearth::sample
