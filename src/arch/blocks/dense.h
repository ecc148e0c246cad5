// SPDX-License-Identifier: MIT
// The dense feed-forward as a block: its tensor table and its part of the graph.
#pragma once
#include "arch/builder.h"
#include "arch/spec.h"
#include "arch/tensor_table.h"

namespace hearth::arch {

void add_dense_rows(const DenseFfn& ffn, int layer, TensorTable& table);
// Normalised input [T, D] -> what the block adds [T, D].
ValueId build_dense(Builder& b, const DenseFfn& ffn, ValueId x);

}  // namespace hearth::arch
