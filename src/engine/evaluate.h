// SPDX-License-Identifier: MIT
// Measures a model on given tokens: perplexity of a text, the distribution after each token, and
// how far the distributions are from saved ones.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "base/function_ref.h"
#include "base/result.h"
#include "engine/engine.h"
#include "engine/saved_logprobs.h"
#include "sample/logprobs.h"

namespace hearth::engine {

struct Perplexity {
  double nll_mean = 0.0;  // natural logarithm, over the counted tokens
  int64_t n_tokens = 0;   // counted
  double ppl() const;
};

using EvaluateProgress = FunctionRef<void(uint64_t done, uint64_t total)>;

// Cuts `tokens` into windows of `n_window` and counts the second half of each: position i in
// [n_window / 2, n_window - 1) scores token i + 1, as llama-perplexity does. With bos >= 0 the
// first token of every window is replaced by it. Tokens after the last whole window are not used.
// Errors: fewer than two windows of tokens, a window of less than 4 tokens or longer than the
// context, logits that are no numbers.
Result<Perplexity> perplexity(Engine& engine, std::span<const int32_t> tokens, int n_window,
                              int32_t bos, EvaluateProgress progress,
                              const std::atomic<bool>* cancel);

// How far an engine's distributions q are from saved ones p, on the positions that perplexity()
// counts.
struct Divergence {
  Perplexity own, saved;  // of the same tokens
  // Kullback-Leibler divergence: sum of p ln(p / q) over the tokens with p > e^-16 (the file holds
  // smaller ones too coarsely, and llama-perplexity leaves them out too), in nats.
  double kl_mean = 0.0, kl_median = 0.0, kl_p99 = 0.0, kl_highest = 0.0;
  double same_top = 0.0;  // share of positions with the same likeliest token
};

// Errors: as perplexity(); saved distributions of another vocabulary.
Result<Divergence> divergence(Engine& engine, const SavedLogprobs& saved, int32_t bos,
                              EvaluateProgress progress, const std::atomic<bool>* cancel);

struct Position {
  int32_t id = 0;                         // the given token
  std::vector<sample::TokenLogprob> top;  // of the one after it
};

// The distribution after each given token, its `n_top` likeliest.
Result<std::vector<Position>> logprobs(Engine& engine, std::span<const int32_t> tokens, int n_top,
                                       EvaluateProgress progress, const std::atomic<bool>* cancel);

}  // namespace hearth::engine
