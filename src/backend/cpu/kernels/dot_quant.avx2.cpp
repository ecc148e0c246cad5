// SPDX-License-Identifier: MIT
// Products of quantized weights for AVX2: the templates of dot_quant.h over words.avx2.h.
#include "backend/cpu/kernels/dot_pairs.avx2.h"
// The product of pairs first, then what is written over it.
#include "backend/cpu/kernels/quads.avx2.h"
// And its digits.
#include "backend/cpu/kernels/digits.avx2.h"
// And what is written over that.
#include "backend/cpu/kernels/dot_quant.h"

namespace hearth::cpu {

void add_dot_quant_avx2(KernelTable& table) { add_all_dot_quant(table); }

}  // namespace hearth::cpu
