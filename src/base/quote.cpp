// SPDX-License-Identifier: MIT
#include "base/quote.h"

#include <fmt/format.h>

namespace hearth {

std::string quote(std::string_view text) {
  std::string out = "'";
  for (const char c : text.substr(0, kMaxQuoted)) {
    if (c >= 0x20 && c < 0x7f && c != '\'' && c != '\\') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
  if (text.size() > kMaxQuoted) out += "...";
  return out + "'";
}

}  // namespace hearth
