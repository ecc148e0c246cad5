// SPDX-License-Identifier: MIT
// Prepares activations for AVX2: the template of quantize_act.h over words.avx2.h.
#include "backend/cpu/kernels/dot_pairs.avx2.h"
// The product of pairs first, then what is written over it.
#include "backend/cpu/kernels/words.avx2.h"
// And what is written over that.
#include "backend/cpu/kernels/quantize_act.h"

namespace hearth::cpu {

void add_quantize_act_avx2(KernelTable& table) { table.quantize_act = quantize_act; }

}  // namespace hearth::cpu
