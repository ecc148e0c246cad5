// SPDX-License-Identifier: MIT
// What hearth cannot do without; asked once, before anything else.
#pragma once
#include "base/result.h"

namespace hearth::os {

// Refuses a big-endian machine: model files are used in place, and theirs is little endian.
Status check_host();

}  // namespace hearth::os
