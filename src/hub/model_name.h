// SPDX-License-Identifier: MIT
// The names that models may have. Only a checked name ever becomes a part of a path (RELIABILITY
// F34), so these two functions are the whole answer to "../".
#pragma once
#include <string>
#include <string_view>

namespace hearth::hub {

// Letters, digits, '.', '_', '-'; a letter or digit first; at most 128 bytes.
bool is_model_name(std::string_view name);

// The same rule for a file inside a model's folder.
bool is_file_name(std::string_view name);

// A valid name made of a file name: "My Model.Q4_K_M.gguf" gives "my-model.q4_k_m"; empty where
// nothing usable is left.
std::string model_name_from_file(std::string_view file_name);

}  // namespace hearth::hub
