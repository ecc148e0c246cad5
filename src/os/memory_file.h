// SPDX-License-Identifier: MIT
// A file that lies in memory alone and has no name: what a program is given to read. Source:
// memfd_create(2).
#pragma once
#include <string_view>

#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

// Holds `bytes` and stands at its beginning; closed in programs that are started. `name` is for
// people who look into /proc.
Result<FileHandle> memory_file(const char* name, std::string_view bytes);

}  // namespace hearth::os
