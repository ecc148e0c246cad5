// SPDX-License-Identifier: MIT
// Names that came from outside, made fit for a message: in single quotes, bytes that are not
// printable ASCII as \xNN, cut after kMaxQuoted bytes (RELIABILITY F14: errors never echo raw
// bytes of a file or a request).
#pragma once
#include <string>
#include <string_view>

namespace hearth {

inline constexpr size_t kMaxQuoted = 96;

std::string quote(std::string_view text);

}  // namespace hearth
