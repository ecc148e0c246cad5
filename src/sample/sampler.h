// SPDX-License-Identifier: MIT
// Chooses the next token of one sequence: the whole chain behind one door.
// The order is llama.cpp's: bias, mask, penalties, DRY, top-n-sigma, top-k, typical, top-p, min-p,
// XTC, temperature, draw. Temperature 0 is greedy: after bias, mask, penalties and DRY the highest
// logit wins (equal ones: the lower id) and the rest does not apply. With mirostat, temperature and
// mirostat replace all cuts.
// In: logits of shape [V]. Out: a token, or a kNumeric error when the model computed no usable
// numbers (that request ends; nothing else does).
// The same seed, parameters and logits give the same tokens on every machine. One thread at a time.
// Nothing is allocated after the first token.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "sample/candidates.h"
#include "sample/dry.h"
#include "sample/mirostat.h"
#include "sample/params.h"
#include "sample/penalties.h"
#include "sample/rng.h"
#include "sample/stages.h"

namespace hearth::sample {

// What the sampler must know about the model.
struct SamplerModel {
  size_t n_vocab = 0;    // V
  size_t n_context = 0;  // tokens; what "-1: the whole context" means for the penalties and DRY
  std::vector<TokenSequence> dry_breakers;  // SamplerParams::dry_sequence_breakers as tokens
};

struct Sampled {
  int32_t id = 0;
  double p = 1;  // its probability among what the chain left; see logprobs.h for the model's own
};

class Sampler {
 public:
  // Refuses parameters out of bounds, and token ids outside the vocabulary.
  static Result<Sampler> create(const SamplerParams& params, SamplerModel model);

  // `allowed`: one bit per token (see apply_mask), or empty. The token is not yet in the history:
  // call accept with it.
  Result<Sampled> sample(std::span<const float> logits, std::span<const uint64_t> allowed = {});

  // Adds a token to what penalties and DRY look at: the prompt's tokens and each answer's.
  void accept(int32_t id);

  // Back to the state after create, same seed.
  void reset();

  // The seed in use, also where a random one was asked for.
  uint64_t seed() const { return seed_; }

 private:
  Sampler(const SamplerParams& params, SamplerModel model, uint64_t seed);
  bool is_greedy() const;
  bool keeps_logits() const;  // neither biases nor penalties change them
  void take_candidates();
  Candidate draw_by_mirostat();
  Candidate draw_cut();

  SamplerParams params_;
  uint64_t seed_;
  Pcg32 rng_;
  std::vector<float> logits_;  // [V], the working copy
  Candidates candidates_;
  TypicalCut typical_;
  Penalties penalties_;
  Dry dry_;
  Mirostat mirostat_;
};

}  // namespace hearth::sample
