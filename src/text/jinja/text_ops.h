// SPDX-License-Identifier: MIT
// Operations on text that filters and str methods share.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::text::jinja {

class Interpreter;

std::string capitalized(std::string_view text);  // first character in title case, others lower
// Removes any of `characters` from the sides.
std::string_view strip_chars(std::string_view text, std::string_view characters, bool left,
                             bool right);
// As std::string_view's find and rfind, in linear time whatever the needle.
size_t find_text(std::string_view text, std::string_view needle, size_t from = 0);
size_t rfind_text(std::string_view text, std::string_view needle);
// str.splitlines; the pieces point into `text`.
std::vector<std::string_view> split_lines(std::string_view text, bool keep_ends);
// str.replace; a negative count replaces all.
Result<std::string> replaced(Interpreter& in, std::string_view text, std::string_view old,
                             std::string_view replacement, int64_t count);
enum class Justify { kLeft, kCenter, kRight };
Result<std::string> justified(Interpreter& in, std::string_view text, int64_t width,
                              std::string_view fill, Justify how);

}  // namespace hearth::text::jinja
