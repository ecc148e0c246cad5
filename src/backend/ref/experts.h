// SPDX-License-Identifier: MIT
// Reference mixture of experts: the choice of experts and the weighted sum of their outputs.
// Shazeer et al. 2017, arXiv:1701.06538; DeepSeek-V2, arXiv:2405.04434, section 2.2 (groups);
// DeepSeek-V3, arXiv:2412.19437, section 2.1.2 (sigmoid, bias for choosing).
#pragma once
#include <cstdint>
#include <span>

#include "backend/ref/row_ops.h"
#include "backend/ref/rows.h"

namespace hearth::ref {

// Chooses op.top_k experts for one token. The rules are at graph::Route, whose ids are not used
// here. logits: [E], select_bias: [E] or empty, ids and weights: [top_k], best first, equal scores
// by the lower id. A NaN score is chosen last. The sum that renorm divides by is at least 2^-14, so
// that a token whose experts all score 0 stays finite; other implementations use the same bound.
void route(const graph::Route& op, std::span<const float> logits,
           std::span<const float> select_bias, std::span<int32_t> ids, std::span<float> weights);

// The weights of all experts of a layer; a bias is empty where absent.
struct ExpertWeights {
  WeightView gate, up, down;                             // [E * X, D], [E * X, D], [E * D, X]
  std::span<const float> gate_bias, up_bias, down_bias;  // [E * X], [E * X], [E * D]
  int n_experts = 0;
};

// out = sum over the chosen experts e of weight_e * (down_e act(gate_e x, up_e x)), in the order
// given. x: [D], out: [D].
void experts(const ExpertWeights& layer, Activation activation, std::span<const float> x,
             std::span<const int32_t> ids, std::span<const float> weights, std::span<float> out);

}  // namespace hearth::ref
