// SPDX-License-Identifier: MIT
#include "hub/model_name.h"

#include <algorithm>

#include "file/split.h"

namespace hearth::hub {
namespace {

constexpr size_t kMaxName = 128;

// Plain ASCII, whatever the locale is.
bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_name_char(char c) { return is_letter_or_digit(c) || c == '.' || c == '_' || c == '-'; }

}  // namespace

bool is_model_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && is_letter_or_digit(name[0]) &&
         std::all_of(name.begin(), name.end(), is_name_char);
}

bool is_file_name(std::string_view name) { return is_model_name(name); }

std::string model_name_from_file(std::string_view file_name) {
  std::string stem(file_name);
  if (const auto split = file::parse_split_name(file_name)) {
    stem = split->stem;
  } else if (file_name.ends_with(".gguf")) {
    stem.resize(stem.size() - 5);
  }
  std::string name;
  for (const char c : stem.substr(0, kMaxName)) {
    if (c >= 'A' && c <= 'Z') {
      name += static_cast<char>(c - 'A' + 'a');
    } else if (is_name_char(c)) {
      name += c;
    } else if (!name.empty() && name.back() != '-') {
      name += '-';
    }
  }
  const auto first = std::find_if(name.begin(), name.end(), is_letter_or_digit);
  name.erase(name.begin(), first);
  while (!name.empty() && !is_letter_or_digit(name.back())) name.pop_back();
  return name;
}

}  // namespace hearth::hub
