// SPDX-License-Identifier: MIT
#include "tests/server/programs.h"

namespace hearth::test {

std::string engine_double() { return HEARTH_ENGINE_DOUBLE; }
std::string hearth_program() { return HEARTH_PROGRAM; }

}  // namespace hearth::test
