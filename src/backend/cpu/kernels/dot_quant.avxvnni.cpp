// SPDX-License-Identifier: MIT
// Products of quantized weights for AVX-VNNI (256 bits): the templates of dot_quant.h over
// quads.avx2.h.
#include "backend/cpu/kernels/dot_pairs.avxvnni.h"
// The product of pairs first, then what is written over it.
#include "backend/cpu/kernels/quads.avx2.h"
// And its digits.
#include "backend/cpu/kernels/digits.avx2.h"
// And what is written over that.
#include "backend/cpu/kernels/dot_quant.h"

namespace hearth::cpu {

void add_dot_quant_avxvnni(KernelTable& table) { add_all_dot_quant(table); }

}  // namespace hearth::cpu
