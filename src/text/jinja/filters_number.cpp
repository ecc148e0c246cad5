// SPDX-License-Identifier: MIT
// Filters on numbers, with Python's reading of text as numbers.
#include <charconv>
#include <cmath>
#include <limits>

#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

// Drops single underscores between digits; nothing where one stands elsewhere.
std::optional<std::string> without_underscores(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_') {
      out += text[i];
      continue;
    }
    const auto digit = [&](size_t at) {
      return at < text.size() && std::isxdigit(static_cast<unsigned char>(text[at]));
    };
    if (i == 0 || !digit(i - 1) || !digit(i + 1)) return std::nullopt;
  }
  return out;
}

struct Parsed {
  std::optional<int64_t> value;
  bool too_large = false;
};

Parsed parse_int(std::string_view raw, int base) {
  const auto clean = without_underscores(strip(raw));
  if (!clean || base < 0 || base == 1 || base > 36) return {};
  std::string_view text = *clean;
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text.size() > 2 && text[0] == '0') {
    const char letter = static_cast<char>(text[1] | 0x20);
    const int own = letter == 'x' ? 16 : letter == 'o' ? 8 : letter == 'b' ? 2 : 0;
    if (own != 0 && (base == own || base == 0)) {
      base = own;
      text.remove_prefix(2);
    }
  }
  if (base == 0) {
    if (text.size() > 1 && text[0] == '0' && text.find_first_not_of('0') != text.npos) return {};
    base = 10;
  }
  if (text.empty() || text[0] == '-' || text[0] == '+') return {};
  const std::string digits = (negative ? "-" : "") + std::string(text);
  int64_t value = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (parsed.ptr != digits.data() + digits.size()) return {};
  if (parsed.ec == std::errc::result_out_of_range) return {std::nullopt, true};
  if (parsed.ec != std::errc()) return {};
  return {value, false};
}

std::optional<double> parse_float(std::string_view raw) {
  const auto clean = without_underscores(strip(raw));
  if (!clean) return std::nullopt;
  std::string text = to_lower(*clean);
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.erase(0, 1);
  }
  if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
  double value = 0;
  if (text == "inf" || text == "infinity") {
    value = std::numeric_limits<double>::infinity();
  } else if (text == "nan") {
    value = std::numeric_limits<double>::quiet_NaN();
  } else {
    if (text[0] != '.' && (text[0] < '0' || text[0] > '9')) return std::nullopt;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ptr != text.data() + text.size()) return std::nullopt;
    if (parsed.ec == std::errc::result_out_of_range)
      value = text.find("e-") != text.npos ? 0 : std::numeric_limits<double>::infinity();
    else if (parsed.ec != std::errc())
      return std::nullopt;
  }
  return negative ? -value : value;
}

// int() of a float: nothing for nan; an error past 64 bits.
Result<std::optional<Value>> truncated(double value) {
  if (std::isnan(value)) return std::nullopt;
  if (std::isinf(value)) return invalid("infinity has no integer value");
  if (std::abs(value) >= 9.2e18) return over_limit("{} does not fit in 64 bits", value);
  return Value::integer(static_cast<int64_t>(value));
}

Result<Value> filter_int(In&, const Bound& args) {
  const Value& value = args[0];
  const Value otherwise = args.get(1, Value::integer(0));
  if (value.is_undefined()) return invalid("{}", value.undefined().reason);
  if (value.is_integral()) return Value::integer(value.as_int());
  if (value.is(Kind::kFloat)) {
    TRY_LET(const auto number, truncated(value.as_double()));
    return number.value_or(otherwise);
  }
  if (!value.is_str()) return otherwise;
  int base = 10;
  if (args.has(2)) {
    if (!args[2].is_integral()) return otherwise;
    base =
        args[2].as_int() >= 0 && args[2].as_int() <= 36 ? static_cast<int>(args[2].as_int()) : -1;
  }
  const Parsed whole = parse_int(value.text(), base);
  if (whole.too_large) return over_limit("'{}' does not fit in 64 bits", value.text());
  if (whole.value) return Value::integer(*whole.value);
  const auto real = parse_float(value.text());
  if (!real || std::isinf(*real)) return otherwise;
  TRY_LET(const auto number, truncated(*real));
  return number.value_or(otherwise);
}

Result<Value> filter_float(In&, const Bound& args) {
  const Value& value = args[0];
  if (value.is_undefined()) return invalid("{}", value.undefined().reason);
  if (value.is_number()) return Value::real(value.as_double());
  if (value.is_str())
    if (const auto number = parse_float(value.text())) return Value::real(*number);
  return args.get(1, Value::real(0));
}

Result<Value> filter_abs(In&, const Bound& args) {
  if (args[0].is(Kind::kFloat)) return Value::real(std::abs(args[0].as_double()));
  if (!args[0].is_integral()) return invalid("needs a number, not {}", type_name(args[0]));
  if (args[0].as_int() == std::numeric_limits<int64_t>::min())
    return over_limit("the result does not fit in 64 bits");
  return Value::integer(std::abs(args[0].as_int()));
}

// Python's round: to the nearest, halves to the even digit, exact in decimal.
double rounded(double value, int64_t n_digits) {
  if (!std::isfinite(value) || n_digits > 323) return value;
  if (n_digits < -308) return std::copysign(0.0, value);
  if (n_digits >= 0) {
    const std::string text = fmt::format("{:.{}f}", value, n_digits);
    double result = value;
    std::from_chars(text.data(), text.data() + text.size(), result);
    return result;
  }
  const double unit = std::pow(10.0, static_cast<double>(-n_digits));
  return std::nearbyint(value / unit) * unit;
}

Result<Value> round_int(int64_t value, int64_t n_digits) {
  if (n_digits >= 0) return Value::integer(value);
  if (n_digits < -18) return Value::integer(0);
  int64_t unit = 1;
  for (int64_t i = n_digits; i < 0; ++i) unit *= 10;
  const int64_t rest = (value % unit + unit) % unit;
  int64_t result = 0;
  if (__builtin_sub_overflow(value, rest, &result))
    return over_limit("the result does not fit in 64 bits");
  const bool up = rest * 2 > unit || (rest * 2 == unit && result / unit % 2 != 0);
  if (up && __builtin_add_overflow(result, unit, &result))
    return over_limit("the result does not fit in 64 bits");
  return Value::integer(result);
}

Result<Value> filter_round(In& in, const Bound& args) {
  const Value method = args.get(2, in.heap().str("common"));
  const std::string name = method.is_str() ? method.text() : "";
  if (name != "common" && name != "ceil" && name != "floor")
    return invalid("the method must be common, ceil or floor");
  if (!args[0].is_number()) return invalid("needs a number, not {}", type_name(args[0]));
  const Value precision = args.get(1, Value::integer(0));
  if (!precision.is_integral()) return invalid("the precision must be an integer");
  const int64_t n_digits = precision.as_int();
  if (name == "common")
    return args[0].is_integral()
               ? round_int(args[0].as_int(), n_digits)
               : Result<Value>(Value::real(rounded(args[0].as_double(), n_digits)));
  if (std::abs(static_cast<double>(n_digits)) > 300) return invalid("the precision is too large");
  const double unit = std::pow(10.0, static_cast<double>(n_digits));
  const double scaled = args[0].as_double() * unit;
  // Python rounds to an integer, which has no negative zero
  return Value::real((name == "ceil" ? std::ceil(scaled) : std::floor(scaled)) / unit + 0.0);
}

Result<Value> filter_filesizeformat(In& in, const Bound& args) {
  const auto read = args[0].is_str()      ? parse_float(args[0].text())
                    : args[0].is_number() ? std::optional(args[0].as_double())
                                          : std::nullopt;
  if (!read || !std::isfinite(*read)) return invalid("needs a number");
  const double bytes = *read;
  const bool binary = args.flag(1);
  const double base = binary ? 1024 : 1000;
  if (bytes == 1) return in.heap().str("1 Byte");
  if (bytes < base) return in.heap().str(fmt::format("{} Bytes", std::trunc(bytes) + 0.0));
  constexpr std::string_view kLetters = "kMGTPEZY";
  double unit = base;
  for (size_t i = 0;; ++i) {
    unit *= base;
    if (bytes < unit || i + 1 == kLetters.size()) {
      const char letter = binary && i == 0 ? 'K' : kLetters[i];
      return in.heap().str(
          fmt::format("{:.1f} {}{}", base * bytes / unit, letter, binary ? "iB" : "B"));
    }
  }
}

constexpr Builtin kNumberFilters[] = {
    {"int", filter_int, 1, {"value", "default", "base"}},
    {"float", filter_float, 1, {"value", "default"}},
    {"abs", filter_abs, 1, {"x"}, Passing::kByPlace},
    {"round", filter_round, 1, {"value", "precision", "method"}},
    {"filesizeformat", filter_filesizeformat, 1, {"value", "binary"}},
};

}  // namespace

Table number_filters() { return kNumberFilters; }

}  // namespace hearth::text::jinja
