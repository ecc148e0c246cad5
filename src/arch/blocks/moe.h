// SPDX-License-Identifier: MIT
// The mixture of experts as a block: its tensor table and its part of the graph.
#pragma once
#include "arch/builder.h"
#include "arch/spec.h"
#include "arch/tensor_table.h"

namespace hearth::arch {

void add_moe_rows(const MoeFfn& moe, const HParams& hp, int layer, TensorTable& table);
// Normalised input [T, D] -> what the block adds [T, D].
ValueId build_moe(Builder& b, const MoeFfn& moe, ValueId x);

}  // namespace hearth::arch
