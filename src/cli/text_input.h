// SPDX-License-Identifier: MIT
// What users give verbs to read: a file or standard input.
#pragma once
#include <string>

#include "base/result.h"

namespace hearth::cli {

// The whole of a file, or of standard input for "-". Errors: it cannot be read, or is larger than
// 1 GiB.
Result<std::string> read_text(const std::string& path);

}  // namespace hearth::cli
