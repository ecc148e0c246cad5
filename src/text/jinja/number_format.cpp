// SPDX-License-Identifier: MIT
#include "text/jinja/number_format.h"

#include <algorithm>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/python_repr.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

bool is_align(char32_t c) { return c == '<' || c == '>' || c == '^' || c == '='; }

Result<int> parse_count(std::string_view spec, size_t& at, std::string_view what) {
  int value = 0;
  for (; at < spec.size() && spec[at] >= '0' && spec[at] <= '9'; ++at) {
    value = value * 10 + (spec[at] - '0');
    if (value > kMaxFormatWidth) return over_limit("a format {} above {}", what, kMaxFormatWidth);
  }
  return value;
}

// Separators into the leading run of digits (or hex digits) of `number`.
void group_digits(std::string& number, char separator, size_t n_group) {
  size_t n_digits = 0;
  while (n_digits < number.size() && std::isxdigit(static_cast<unsigned char>(number[n_digits])) &&
         !(n_group == 3 && !std::isdigit(static_cast<unsigned char>(number[n_digits]))))
    ++n_digits;
  for (size_t at = n_digits; at > n_group; at -= n_group) number.insert(at - n_group, 1, separator);
}

std::string with_sign(bool negative, char sign) {
  if (negative) return "-";
  return sign == '-' ? "" : std::string(1, sign);
}

std::string real_digits(double magnitude, char type, int precision, bool alternate) {
  switch (type) {
    case 'e':
      return alternate ? fmt::format("{:#.{}e}", magnitude, precision)
                       : fmt::format("{:.{}e}", magnitude, precision);
    case 'f':
      return alternate ? fmt::format("{:#.{}f}", magnitude, precision)
                       : fmt::format("{:.{}f}", magnitude, precision);
    default:
      return alternate ? fmt::format("{:#.{}g}", magnitude, precision)
                       : fmt::format("{:.{}g}", magnitude, precision);
  }
}

}  // namespace

Result<FormatSpec> parse_format_spec(std::string_view spec) {
  FormatSpec out;
  size_t at = 0;
  if (!spec.empty()) {
    size_t after = 0;
    const char32_t first = decode_char(spec, after);
    if (after < spec.size() && is_align(spec[after])) {
      out.fill = first;
      out.align = spec[after];
      at = after + 1;
    } else if (is_align(first)) {
      out.align = static_cast<char>(first);
      at = 1;
    }
  }
  const auto take = [&](std::string_view any) -> char {
    return at < spec.size() && any.find(spec[at]) != std::string_view::npos ? spec[at++] : 0;
  };
  if (const char sign = take("+- ")) out.sign = sign;
  out.alternate = take("#") != 0;
  if (at < spec.size() && spec[at] == '0' && out.align == 0) {
    out.fill = '0';
    out.align = '=';
    ++at;
  }
  TRY_LET(out.width, parse_count(spec, at, "width"));
  out.grouping = take(",_");
  if (take(".")) {
    const size_t start = at;
    TRY_LET(out.precision, parse_count(spec, at, "precision"));
    if (at == start) return invalid("a format needs digits after '.'");
  }
  out.type = take("bcdeEfFgGnosxX%");
  if (at != spec.size()) return invalid("'{}' is not a format", spec);
  return out;
}

Result<std::string> format_integer(int64_t value, const FormatSpec& spec, size_t& n_prefix) {
  if (spec.precision >= 0) return invalid("a precision is not possible for an integer");
  const bool negative = value < 0;
  const uint64_t magnitude = negative ? ~static_cast<uint64_t>(value) + 1 : value;
  std::string digits, prefix;
  size_t n_group = 4;
  switch (spec.type) {
    case 'b':
      digits = fmt::format("{:b}", magnitude);
      prefix = "0b";
      break;
    case 'o':
      digits = fmt::format("{:o}", magnitude);
      prefix = "0o";
      break;
    case 'x':
      digits = fmt::format("{:x}", magnitude);
      prefix = "0x";
      break;
    case 'X':
      digits = fmt::format("{:X}", magnitude);
      prefix = "0X";
      break;
    default:
      digits = fmt::format("{}", magnitude);
      n_group = 3;
  }
  if (spec.grouping) group_digits(digits, spec.grouping, n_group);
  const std::string head = with_sign(negative, spec.sign) + (spec.alternate ? prefix : "");
  n_prefix = head.size();
  return head + digits;
}

Result<std::string> format_real(double value, const FormatSpec& spec, size_t& n_prefix) {
  if (spec.precision > kMaxFormatPrecision)
    return over_limit("a format precision above {}", kMaxFormatPrecision);
  const bool negative = std::signbit(value) && !std::isnan(value);
  const double scaled = spec.type == '%' ? value * 100 : value;
  std::string digits;
  if (!std::isfinite(value)) {
    digits = std::isnan(value) ? "nan" : "inf";
  } else if (spec.type == 0 && spec.precision < 0) {
    digits = float_repr(std::abs(value));
  } else {
    const char type = spec.type == '%'                     ? 'f'
                      : spec.type == 0 || spec.type == 'n' ? 'g'
                                                           : static_cast<char>(spec.type | 0x20);
    int precision = spec.precision < 0 ? 6 : spec.precision;
    if (type == 'g') precision = std::max(precision, 1);
    digits = real_digits(std::abs(scaled), type, precision, spec.alternate);
    if (spec.type == 0 && digits.find_first_of(".e") == std::string::npos) digits += ".0";
  }
  if (spec.grouping) group_digits(digits, spec.grouping, 3);
  if (spec.type == 'E' || spec.type == 'F' || spec.type == 'G')
    std::transform(digits.begin(), digits.end(), digits.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  if (spec.type == '%') digits += '%';
  const std::string head = with_sign(negative, spec.sign);
  n_prefix = head.size();
  return head + digits;
}

std::string padded(std::string_view text, const FormatSpec& spec, char own_align, size_t n_prefix) {
  const size_t n_chars = count_chars(text);
  const size_t width = static_cast<size_t>(spec.width);
  if (n_chars >= width) return std::string(text);
  const size_t n_fill = width - n_chars;
  const char align = spec.align ? spec.align : own_align;
  const size_t n_before = align == '>' || align == '=' ? n_fill : align == '^' ? n_fill / 2 : 0;
  std::string out;
  if (align == '=') {
    out += text.substr(0, n_prefix);
    text.remove_prefix(n_prefix);
  }
  for (size_t i = 0; i < n_before; ++i) append_char(out, spec.fill);
  out += text;
  for (size_t i = n_before; i < n_fill; ++i) append_char(out, spec.fill);
  return out;
}

Result<std::string> format_value(Interpreter& in, const Value& value, std::string_view text) {
  if (text.empty()) return in.to_text(value);
  TRY_LET(FormatSpec spec, parse_format_spec(text));
  TRY(in.reserve(static_cast<size_t>(spec.width) * 4));
  size_t n_prefix = 0;
  if (value.is_str()) {
    if ((spec.type && spec.type != 's') || spec.align == '=' || spec.sign != '-' ||
        spec.alternate || spec.grouping)
      return invalid("'{}' is not a format for text", text);
    std::string_view shown = value.text();
    if (spec.precision >= 0) shown = shown.substr(0, byte_offset(shown, spec.precision));
    return padded(shown, spec, '<', 0);
  }
  if (value.is(Kind::kFloat) ||
      (value.is_integral() && spec.type != 0 &&
       std::string_view("eEfFgG%").find(spec.type) != std::string::npos)) {
    if (spec.type && std::string_view("eEfFgGn%").find(spec.type) == std::string::npos)
      return invalid("'{}' is not a format for a float", text);
    TRY_LET(const std::string number, format_real(value.as_double(), spec, n_prefix));
    return padded(number, spec, '>', n_prefix);
  }
  if (!value.is_integral())
    return invalid("'{}' takes no format like '{}'", type_name(value), text);
  if (spec.type == 's') return invalid("'{}' is not a format for an integer", text);
  if (spec.type == 'c') {
    if (value.as_int() < 0 || value.as_int() > 0x10FFFF) return invalid("%c is out of range");
    std::string character;
    append_char(character, static_cast<char32_t>(value.as_int()));
    return padded(character, spec, '<', 0);
  }
  TRY_LET(const std::string number, format_integer(value.as_int(), spec, n_prefix));
  return padded(number, spec, '>', n_prefix);
}

}  // namespace hearth::text::jinja
