// SPDX-License-Identifier: MIT
// Text as Python's str sees it: characters, their classes and case forms, over text/unicode.h. In:
// UTF-8 text. Ill-formed bytes count as one character each and are kept as they are, so nothing
// here can fail.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>

#include "text/unicode.h"

namespace hearth::text::jinja {

// The character at `at` (which must be inside), advancing `at` past it. Ill-formed bytes give
// kIllFormed + byte.
constexpr char32_t kIllFormed = 0x200000;
char32_t decode_char(std::string_view text, size_t& at);
void append_char(std::string& out, char32_t c);

bool is_ascii(std::string_view text);
bool is_valid_utf8(std::string_view text);
size_t count_chars(std::string_view text);
// Byte offset of character `i_char`, or the size of the text when there are fewer.
size_t byte_offset(std::string_view text, size_t i_char);
// The offset where the character that ends at `end` (> 0) begins.
size_t previous_char(std::string_view text, size_t end);

bool is_space(char32_t c);       // str.isspace, and \s of Python's re
bool is_line_break(char32_t c);  // what str.splitlines splits at
inline bool is_cased(char32_t c) {
  return is_python_class(c, PythonClass::kUpper) || is_python_class(c, PythonClass::kLower) ||
         is_python_class(c, PythonClass::kTitle);
}
inline bool is_alnum(char32_t c) {
  return is_python_class(c, PythonClass::kAlpha) || is_python_class(c, PythonClass::kNumeric) ||
         is_python_class(c, PythonClass::kDecimal) || is_python_class(c, PythonClass::kDigit);
}

// str.islower and str.isupper: some letters have case, and all of those have this one.
bool is_all_case(std::string_view text, PythonClass which);

void append_case(std::string& out, char32_t c, CaseForm form);
std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);

std::string_view strip_left(std::string_view text);
std::string_view strip_right(std::string_view text);
inline std::string_view strip(std::string_view text) { return strip_left(strip_right(text)); }

}  // namespace hearth::text::jinja
