// SPDX-License-Identifier: MIT
#include "cli/machine.h"

#include <nlohmann/json.hpp>

#include "backend/cpu/kernel_table.h"
#include "os/cpu_info.h"
#include "os/memory.h"

namespace hearth::cli {

nlohmann::json machine_facts() {
  const os::CpuInfo& cpu = os::cpu_info();
  nlohmann::json isas = nlohmann::json::array();
  for (const std::string_view name : cpu::machine_isa_names()) isas.push_back(std::string(name));
  nlohmann::json facts = {{"version", HEARTH_VERSION},
                          {"isa", std::string(cpu::active_isa_name())},
                          {"cpu",
                           {{"model", cpu.model},
                            {"physical_cores", cpu.physical_cores},
                            {"logical_cpus", cpu.logical_cpus},
                            {"usable_cores", cpu.usable_cores},
                            {"usable_cpus", cpu.usable_cpus},
                            {"hybrid", cpu.hybrid},
                            {"l1d_bytes", cpu.l1d_bytes},
                            {"l2_bytes", cpu.l2_bytes},
                            {"l3_bytes", cpu.l3_bytes},
                            {"instruction_sets", isas}}}};
  if (const auto memory = os::memory_info()) {
    facts["memory"] = {{"total_bytes", memory->total_bytes},
                       {"available_bytes", memory->available_bytes}};
  }
  return facts;
}

}  // namespace hearth::cli
