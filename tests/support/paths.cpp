// SPDX-License-Identifier: MIT
#include "tests/support/paths.h"

namespace hearth::test {

std::string source_dir() { return HEARTH_SOURCE_DIR; }
std::string default_inputs() { return HEARTH_DEFAULT_INPUTS; }

}  // namespace hearth::test
