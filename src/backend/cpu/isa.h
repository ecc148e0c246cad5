// SPDX-License-Identifier: MIT
// The instruction sets that the CPU backend has kernels for, and which of them this machine runs.
#pragma once
#include <span>
#include <string_view>

#include "os/cpu_info.h"

namespace hearth::cpu {

struct Isa {
  std::string_view name;  // "avx2", as in HEARTH_ISA and in file names
  bool (*needs)(const os::CpuFeatures& features);
};

// All sets, in the order in which their kernels replace each other; the first is "base".
std::span<const Isa> all_isas();

// Whether processor and operating system have what the set needs.
bool machine_has(const Isa& isa);

}  // namespace hearth::cpu
