// SPDX-License-Identifier: MIT
// The facts of this machine that stand beside every measured figure.
#pragma once
#include <nlohmann/json_fwd.hpp>

namespace hearth::cli {

// {"cpu":{…},"memory":{…},"isa":"avx512vnni","version":"0.1.0"}. HEARTH_ISA must have been checked
// (cpu::check_isa_choice).
nlohmann::json machine_facts();

}  // namespace hearth::cli
