// SPDX-License-Identifier: MIT
// Multi-head latent attention as a block: its tensor table and its part of the graph.
#pragma once
#include "arch/builder.h"
#include "arch/spec.h"
#include "arch/tensor_table.h"

namespace hearth::arch {

void add_mla_rows(const HParams& hp, int layer, TensorTable& table);
// Normalised input [T, D] -> what the block adds [T, D].
ValueId build_mla(Builder& b, const Mla& mla, ValueId x);

}  // namespace hearth::arch
