// SPDX-License-Identifier: MIT
// Products with f32, f16 and bf16 weights in portable C++: the templates of dot_float.h over
// vec.base.h.
#include "backend/cpu/kernels/vec.base.h"
// Vec first, then what is written over it.
#include "backend/cpu/kernels/dot_float.h"

namespace hearth::cpu {

void add_dot_float_base(KernelTable& table) { add_all_dot_float(table); }

}  // namespace hearth::cpu
