// SPDX-License-Identifier: MIT
// Row operations for AVX2: the templates of rowops.h over vec.avx2.h.
#include "backend/cpu/kernels/vec.avx2.h"
// Vec first, then what is written over it.
#include "backend/cpu/kernels/rowops.h"

namespace hearth::cpu {

void add_rowops_avx2(KernelTable& table) { add_all_rowops(table); }

}  // namespace hearth::cpu
