// SPDX-License-Identifier: MIT
// Products of quantized weights for AVX-512: the templates of dot_quant.h over words.avx512.h.
#include "backend/cpu/kernels/dot_pairs.avx512.h"
// The product of pairs first, then what is written over it.
#include "backend/cpu/kernels/quads.avx512.h"
// And its digits.
#include "backend/cpu/kernels/digits.avx512.h"
// And what is written over that.
#include "backend/cpu/kernels/dot_quant.h"

namespace hearth::cpu {

void add_dot_quant_avx512(KernelTable& table) { add_all_dot_quant(table); }

}  // namespace hearth::cpu
