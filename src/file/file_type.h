// SPDX-License-Identifier: MIT
// The name of the mixture of formats that a file was quantized to, as in file names: "q4_k_m".
#pragma once
#include <cstdint>
#include <string_view>

#include "file/gguf.h"

namespace hearth::file {

// The name for a value of "general.file_type", or an empty view. Source: the GGUF specification.
std::string_view file_type_name(int64_t file_type);

// The same of a model; where the file does not say, the format of most of its bytes.
std::string_view quant_name(const Gguf& model);

}  // namespace hearth::file
