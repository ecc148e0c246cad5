// SPDX-License-Identifier: MIT
// The angles of rotary position embeddings with every context extension that files ask for. In: a
// RopeSpec (ops.h) and, where the file has them, the factors of each pair. Out: one frequency per
// pair, from which any position's cosines and sines follow.
// Sources: RoPE: Su et al. 2021, arXiv:2104.09864. Linear interpolation: Chen et al. 2023,
// arXiv:2306.15595. NTK-aware: a larger base, ntk_theta. YaRN: Peng et al. 2023, arXiv:2309.00071.
// LongRoPE: Ding et al. 2024, arXiv:2402.13753 (its factors are a tensor of the file, as are those
// of Llama 3.1).
#pragma once
#include <span>
#include <vector>

#include "graph/ops.h"

namespace hearth::graph {

// Pair i turns by position * frequency[i] radians and is stretched by `magnitude`. Every kind of
// scaling is linear in the position, so the table serves all positions. Const, any thread.
struct RopeTable {
  std::vector<double> frequency;  // n_rot / 2
  double magnitude = 1.0;

  // cos and sin, magnitude included, of every pair. Computed in double: positions up to 2^24 keep
  // an angle error below 1e-8.
  void angles(int position, std::span<float> cos, std::span<float> sin) const;
};

// factors: n_rot / 2 divisors of the frequencies, or empty.
//   f_i  = theta^(-2i / n_rot) / factors[i]
//   frequency_i = f_i * (freq_scale * (1 - m_i) + m_i),  m_i = ext_factor * ramp_i
//   ramp_i falls from 1 (fast pairs, kept as trained) to 0 (slow pairs, interpolated) between the
//   pairs that turn beta_fast and beta_slow times in n_ctx_orig positions.
//   magnitude = attn_factor: whoever fills the RopeSpec has put YaRN's own into it.
RopeTable rope_table(const RopeSpec& spec, std::span<const float> factors = {});

// YaRN's attention magnitude for a context `factor` times longer, 1 + 0.1 * multiplier * ln factor
// (1 where factor <= 1).
float yarn_magnitude(float factor, float multiplier = 1.0f);

// The base that stretches the slowest pair by `factor` and leaves the fastest alone (NTK-aware
// scaling): theta * factor^(n_rot / (n_rot - 2)).
float ntk_theta(float theta, float factor, int n_rot);

}  // namespace hearth::graph
