// SPDX-License-Identifier: MIT
// Row operations in portable C++: the templates of rowops.h over vec.base.h.
#include "backend/cpu/kernels/vec.base.h"
// Vec first, then what is written over it.
#include "backend/cpu/kernels/rowops.h"

namespace hearth::cpu {

void add_rowops_base(KernelTable& table) { add_all_rowops(table); }

}  // namespace hearth::cpu
