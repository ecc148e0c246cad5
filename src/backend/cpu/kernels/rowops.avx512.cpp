// SPDX-License-Identifier: MIT
// Row operations for AVX-512: the templates of rowops.h over vec.avx512.h.
#include "backend/cpu/kernels/vec.avx512.h"
// Vec first, then what is written over it.
#include "backend/cpu/kernels/rowops.h"

namespace hearth::cpu {

void add_rowops_avx512(KernelTable& table) { add_all_rowops(table); }

}  // namespace hearth::cpu
