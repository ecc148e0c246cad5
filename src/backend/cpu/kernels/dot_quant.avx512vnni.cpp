// SPDX-License-Identifier: MIT
// Products of quantized weights for AVX-512 with VNNI: the templates of dot_quant.h over
// quads.avx512.h.
#include "backend/cpu/kernels/dot_pairs.avx512vnni.h"
// The product of pairs first, then what is written over it.
#include "backend/cpu/kernels/quads.avx512.h"
// And its digits.
#include "backend/cpu/kernels/digits.avx512.h"
// And what is written over that.
#include "backend/cpu/kernels/dot_quant.h"

namespace hearth::cpu {

void add_dot_quant_avx512vnni(KernelTable& table) { add_all_dot_quant(table); }

}  // namespace hearth::cpu
