// SPDX-License-Identifier: MIT
// Grouped softmax attention as a block: its tensor table and its part of the graph.
#pragma once
#include "arch/builder.h"
#include "arch/spec.h"
#include "arch/tensor_table.h"

namespace hearth::arch {

void add_attention_rows(const Attention& attention, const HParams& hp, int layer,
                        TensorTable& table);
// Normalised input [T, D] -> what the block adds [T, D].
ValueId build_attention(Builder& b, const Attention& attention, ValueId x);

}  // namespace hearth::arch
