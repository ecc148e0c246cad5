// SPDX-License-Identifier: MIT
// Python's format specifications ("{:>8.2f}") for text and numbers, shared by str.format, the
// format filter and the % operator.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

constexpr int kMaxFormatWidth = 100'000;    // also the largest precision of text
constexpr int kMaxFormatPrecision = 1'000;  // of numbers

struct FormatSpec {
  char32_t fill = ' ';
  char align = 0;  // < > ^ =, or 0 for the type's own
  char sign = '-';
  bool alternate = false;
  char grouping = 0;  // , or _
  int width = 0;
  int precision = -1;
  char type = 0;
};

Result<FormatSpec> parse_format_spec(std::string_view spec);
// The number without padding: sign, prefix, digits. `n_prefix` counts what '=' padding follows.
Result<std::string> format_integer(int64_t value, const FormatSpec& spec, size_t& n_prefix);
Result<std::string> format_real(double value, const FormatSpec& spec, size_t& n_prefix);
// Pads to the width; `n_prefix` characters stay before the fill with '='.
std::string padded(std::string_view text, const FormatSpec& spec, char own_align, size_t n_prefix);
// format(value, spec)
Result<std::string> format_value(Interpreter& in, const Value& value, std::string_view spec);

}  // namespace hearth::text::jinja
