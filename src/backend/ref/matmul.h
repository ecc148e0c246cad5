// SPDX-License-Identifier: MIT
// Reference products with weights. Weights are decoded by codec/, products are summed in double in
// ascending order of the column and rounded to float once. In: rows of floats. Out: rows of floats.
// Pure functions, any thread.
#pragma once
#include <span>

#include "backend/ref/rows.h"
#include "graph/ops.h"

namespace hearth::ref {

// out[t, r] = sum over c of w[r, c] * x[t, c], + bias[r] where bias is not empty.
// x: [T, n_cols], out: [T, n_rows].
void matmul(const WeightView& w, std::span<const float> bias, Rows x, MutableRows out);

// One product per head with its own rows of w; the meaning of each field is at graph::MatMulHeads,
// whose ids are not used here. x and out: one row per token.
void matmul_heads(const graph::MatMulHeads& op, const WeightView& w, Rows x, MutableRows out);

// out = row `i` of the table * scale. out: n_cols values.
void embed(const WeightView& table, int64_t i, float scale, std::span<float> out);

}  // namespace hearth::ref
