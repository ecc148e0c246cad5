// SPDX-License-Identifier: MIT
// Letters of ASCII alone, as protocols compare them; the language of the system does not matter.
#pragma once
#include <string>
#include <string_view>

namespace hearth {

constexpr char lowered(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lowered(c);
  return out;
}

}  // namespace hearth
