// SPDX-License-Identifier: MIT
// How many files and connections this process may have open at once.
#pragma once
#include <cstddef>

namespace hearth::os {

// Raises the limit to `wanted`, or as far as the system lets a user go; answers the limit now.
size_t raise_open_files(size_t wanted);

}  // namespace hearth::os
