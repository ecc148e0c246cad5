// SPDX-License-Identifier: MIT
// The file names of a split model: STEM-00001-of-00003.gguf and so on, parts counted from 1.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::file {

struct SplitName {
  std::string stem;  // the name before "-00001-of-"
  int i_part = 1;    // from 1
  int n_parts = 1;
};

// The parts of a file name, or nothing where it does not have the form.
std::optional<SplitName> parse_split_name(std::string_view file_name);

// "STEM-00002-of-00003.gguf".
std::string split_file_name(std::string_view stem, int i_part, int n_parts);

}  // namespace hearth::file
