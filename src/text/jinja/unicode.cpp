// SPDX-License-Identifier: MIT
#include "text/jinja/unicode.h"

#include <algorithm>

namespace hearth::text::jinja {

char32_t decode_char(std::string_view text, size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return ++at, lead;
  if (!strict_utf8_length(text, at).valid) return ++at, kIllFormed + lead;
  const Decoded decoded = decode_utf8(text, at);
  at += decoded.bytes;
  return decoded.code;
}

void append_char(std::string& out, char32_t c) {
  if (c >= kIllFormed) {
    out += static_cast<char>(c - kIllFormed);
  } else {
    append_utf8(c, out);
  }
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

bool is_valid_utf8(std::string_view text) {
  for (size_t at = 0; at < text.size();)
    if (decode_char(text, at) >= kIllFormed) return false;
  return true;
}

size_t count_chars(std::string_view text) {
  size_t n_chars = 0;
  for (size_t at = 0; at < text.size(); ++n_chars) decode_char(text, at);
  return n_chars;
}

size_t byte_offset(std::string_view text, size_t i_char) {
  size_t at = 0;
  for (; i_char > 0 && at < text.size(); --i_char) decode_char(text, at);
  return at;
}

size_t previous_char(std::string_view text, size_t end) {
  for (size_t length = std::min<size_t>(end, 4); length > 1; --length) {
    size_t at = end - length;
    if (decode_char(text, at) < kIllFormed && at == end) return end - length;
  }
  return end - 1;
}

bool is_all_case(std::string_view text, PythonClass which) {
  bool any = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    if (!is_cased(c)) continue;
    if (!is_python_class(c, which)) return false;
    any = true;
  }
  return any;
}

bool is_space(char32_t c) { return is_white_space(c) || (c >= 0x1C && c <= 0x1F); }

bool is_line_break(char32_t c) {
  return (c >= 0x0A && c <= 0x0D) || (c >= 0x1C && c <= 0x1E) || c == 0x85 || c == 0x2028 ||
         c == 0x2029;
}

void append_case(std::string& out, char32_t c, CaseForm form) {
  if (c >= kIllFormed) return append_char(out, c);
  const CaseChars cased = case_form(c, form);
  for (uint8_t i = 0; i < cased.n; ++i) append_char(out, cased.chars[i]);
}

namespace {
std::string with_case(std::string_view text, CaseForm form) {
  std::string out;
  out.reserve(text.size());
  for (size_t at = 0; at < text.size();) append_case(out, decode_char(text, at), form);
  return out;
}
}  // namespace

std::string to_upper(std::string_view text) { return with_case(text, CaseForm::kUpper); }
std::string to_lower(std::string_view text) { return with_case(text, CaseForm::kLower); }

std::string_view strip_left(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    size_t next = at;
    if (!is_space(decode_char(text, next))) break;
    at = next;
  }
  return text.substr(at);
}

std::string_view strip_right(std::string_view text) {
  while (!text.empty()) {
    const size_t start = previous_char(text, text.size());
    size_t at = start;
    if (!is_space(decode_char(text, at))) break;
    text = text.substr(0, start);
  }
  return text;
}

}  // namespace hearth::text::jinja
