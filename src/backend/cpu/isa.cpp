// SPDX-License-Identifier: MIT
#include "backend/cpu/isa.h"

namespace hearth::cpu {
namespace {

constexpr Isa kIsas[] = {
#define HEARTH_ISA(name, needs) \
  {#name, []([[maybe_unused]] const os::CpuFeatures& f) { return needs; }},
#include "backend/cpu/isa.inc"
#undef HEARTH_ISA
};

}  // namespace

std::span<const Isa> all_isas() { return kIsas; }

bool machine_has(const Isa& isa) { return isa.needs(os::cpu_info().features); }

}  // namespace hearth::cpu
