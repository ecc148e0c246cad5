// SPDX-License-Identifier: MIT
// Reference operations on rows of floats: norms, activations, rotation, softmax. Every sum and
// function is computed in double and rounded to float once. Output may be the input (the same span)
// everywhere. Pure functions, any thread.
#pragma once
#include <span>

#include "graph/ops.h"

namespace hearth::ref {

// Each run of `segment` values: x * weight / sqrt(mean(x^2) + eps). weight: segment values or empty
// (ones). Zhang and Sennrich 2019, arXiv:1910.07467.
void rms_norm(std::span<const float> x, std::span<const float> weight, float eps, int segment,
              std::span<float> out);

// Each run of `segment` values: (x - mean) / sqrt(variance + eps) * weight + bias, the variance
// over all of the run; weight and bias: segment values or empty. Ba et al. 2016, arXiv:1607.06450.
void layer_norm(std::span<const float> x, std::span<const float> weight,
                std::span<const float> bias, float eps, int segment, std::span<float> out);

// Rotates the first 2 * cos.size() values of `head`; what lies behind them stays. cos and sin may
// carry a magnitude (graph/rope.h).
//   x'_a = x_a cos - x_b sin,  x'_b = x_b cos + x_a sin
// with (a, b) = (i, i + pairs) for kHalves, (2i, 2i + 1) for kInterleaved.
void rotate(graph::PairOrder order, std::span<const float> cos, std::span<const float> sin,
            std::span<float> head);

// x -> exp(x - max) / sum. `sink`, if not null, is one more logit that takes its share of the sum
// and has no output (gpt-oss; Xiao et al. 2023, arXiv:2309.17453). Entries of -infinity give 0;
// with nothing else and no sink all give 0.
void softmax(std::span<const float> x, const float* sink, std::span<float> out);

// cap * tanh(x / cap): Gemma 2, arXiv:2408.00118, section 2.
void soft_cap(std::span<const float> x, float cap, std::span<float> out);

void add(std::span<const float> a, std::span<const float> b, std::span<float> out);
void scale(std::span<const float> x, float factor, std::span<float> out);

// act(gate) * up; `up` may be empty (ones), but not for kSwigluOai, which alone uses alpha and
// limit; its formula is at graph::Activate. SiLU and gated units: Shazeer 2020, arXiv:2002.05202;
// GELU, exact and by tanh: Hendrycks and Gimpel 2016, arXiv:1606.08415.
struct Activation {
  graph::Act act;
  float alpha = 0.0f;
  float limit = 0.0f;
};
void activate(Activation activation, std::span<const float> gate, std::span<const float> up,
              std::span<float> out);

// 1 + temperature * ln(1 + floor((position + 1) / floor_scale)): graph::ScaleByPosition.
float position_scale(float temperature, int floor_scale, int position);

}  // namespace hearth::ref
