// SPDX-License-Identifier: MIT
// The operating system's own words for a refused call, as an Error.
#pragma once
#include <filesystem>
#include <string_view>

#include "base/result.h"

namespace hearth::os {

// "cannot open /a/b: Permission denied" from `error` (a value of errno). A missing file is
// kNotFound, a full or missing memory kNoMemory, everything else kIo.
Failure system_failure(std::string_view action, const std::filesystem::path& path, int error);

}  // namespace hearth::os
