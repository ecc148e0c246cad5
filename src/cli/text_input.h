// SPDX-License-Identifier: MIT
// What users give verbs to read: a file, standard input, token ids.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

// The whole of a file, or of standard input for "-". Errors: it cannot be read, or is larger than
// 1 GiB.
Result<std::string> read_text(const std::string& path);

// "1,2,3" (spaces allowed) to ids. Errors name the part that is no id.
Result<std::vector<int32_t>> parse_token_ids(std::string_view text);

}  // namespace hearth::cli
