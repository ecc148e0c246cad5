// SPDX-License-Identifier: MIT
// The samplers, one function each. Those on logits of shape [V] come first in the chain (they see
// the whole vocabulary); those on Candidates cut or reshape what is left and always leave at least
// one token. Each is off at its neutral value and then does nothing.
// Sources are named at each function.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "sample/candidates.h"
#include "sample/params.h"

namespace hearth::sample {

// logits[id] += bias. Ids are in range (Sampler::create checked them).
void apply_logit_bias(std::span<float> logits, std::span<const LogitBias> biases);

// Bit i of the mask says that token i is allowed, 64 to a word, lowest bit first; the others become
// -infinity. For grammars. The mask has (V + 63) / 64 words; an empty one allows everything.
void apply_mask(std::span<float> logits, std::span<const uint64_t> allowed);

// Keeps logits >= highest - n * (standard deviation of those above -infinity); n <= 0 is off.
// Tang et al., "Top-nσ: Not All Logits Are You Need" (2024).
void apply_top_n_sigma(std::span<float> logits, double n);

// The shortest list of most likely tokens whose probability reaches p.
// Holtzman et al., "The Curious Case of Neural Text Degeneration" (2020).
void cut_top_p(Candidates& candidates, double p, size_t min_keep);

// Tokens with at least `p` times the probability of the likeliest.
// Nguyen et al., "Turning Up the Heat: Min-p Sampling for Creative and Coherent LLM Outputs"
// (2024).
void cut_min_p(Candidates& candidates, double p, size_t min_keep);

// Locally typical sampling: tokens whose surprise is nearest to the entropy, until their
// probability exceeds p. Meister et al., "Locally Typical Sampling" (2022).
class TypicalCut {
 public:
  void operator()(Candidates& candidates, double p, size_t min_keep);

 private:
  struct Score {
    double distance;  // |surprise - entropy|, nats
    size_t i;         // place among the candidates
  };
  std::vector<Score> scores_;
  std::vector<uint8_t> kept_;
};

// Exclude Top Choices: of the tokens with probability >= threshold, all but the least likely go.
// `draw` is uniform in [0, 1); the cut happens when it is below `probability`.
// Described by its author (p-e-w) in text-generation-webui, pull request 6335 (2024).
void cut_xtc(Candidates& candidates, double draw, double probability, double threshold,
             size_t min_keep);

// Logits / t; t = 0 leaves the likeliest.
void apply_temperature(Candidates& candidates, double t);

// Temperature between t - range and t + range (never below 0), by the entropy's share of its
// maximum, to the power `exponent`.
// The idea and the formula are kalomaze's (2023), as llama.cpp has them.
void apply_dynamic_temperature(Candidates& candidates, double t, double range, double exponent);

// Index of the candidate that `draw` (uniform in [0, 1)) falls on, by p. softmax() was called.
size_t pick(const Candidates& candidates, double draw);

}  // namespace hearth::sample
