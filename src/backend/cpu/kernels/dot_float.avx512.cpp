// SPDX-License-Identifier: MIT
// Products with f32, f16 and bf16 weights for AVX-512: the templates of dot_float.h over
// vec.avx512.h.
#include "backend/cpu/kernels/vec.avx512.h"
// Vec first, then what is written over it.
#include "backend/cpu/kernels/dot_float.h"

namespace hearth::cpu {

void add_dot_float_avx512(KernelTable& table) { add_all_dot_float(table); }

}  // namespace hearth::cpu
