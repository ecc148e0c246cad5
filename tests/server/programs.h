// SPDX-License-Identifier: MIT
// Programs that tests start, as the build made them.
#pragma once
#include <string>

namespace hearth::test {

std::string engine_double();
std::string hearth_program();

}  // namespace hearth::test
