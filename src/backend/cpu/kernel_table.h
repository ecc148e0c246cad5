// SPDX-License-Identifier: MIT
// The kernels that this process uses: the portable column, overlaid by each instruction set that
// the machine has, up to the one that HEARTH_ISA names. Chosen once, on the first call; any thread.
#pragma once
#include <string_view>
#include <vector>

#include "backend/cpu/kernels/table.h"
#include "base/result.h"
#include "tensor/dtype.h"

namespace hearth::cpu {

// Whether HEARTH_ISA, if set, names an instruction set that hearth has kernels for and this machine
// runs. To be asked before kernels(), which CHECKs it.
Status check_isa_choice();

const KernelTable& kernels();
// The best set in kernels(): "avx512vnni".
std::string_view active_isa_name();

// The table as if HEARTH_ISA were `isa`: for tests, benchmarks and doctor. An unknown name, or one
// that this machine lacks, is an error.
Result<KernelTable> kernel_table_for(std::string_view isa);
// The names that kernel_table_for takes on this machine, "base" first.
std::vector<std::string_view> machine_isa_names();

// The table's index of a weight format.
Weight weight_of(DType type);
// Whether products with the format take ActBlocks (quantized weights) or plain floats.
bool takes_act_blocks(Weight weight);

}  // namespace hearth::cpu
