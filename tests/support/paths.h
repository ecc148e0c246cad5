// SPDX-License-Identifier: MIT
// Folders that the build knows. They stand in one object file, so that the others compile the same
// in every checkout and the compiler cache serves them all.
#pragma once
#include <string>

namespace hearth::test {

std::string source_dir();      // the checkout
std::string default_inputs();  // where scripts/prepare_inputs puts what tests read

}  // namespace hearth::test
