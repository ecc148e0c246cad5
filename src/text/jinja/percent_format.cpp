// SPDX-License-Identifier: MIT
#include "text/jinja/percent_format.h"

#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/markup.h"
#include "text/jinja/number_format.h"
#include "text/jinja/python_repr.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

class PercentFormatter {
 public:
  PercentFormatter(Interpreter& in, const Value& format, const Value& args)
      : in_(in), format_(format.text()), markup_(format.str().markup), args_(args) {}

  Result<Value> run() {
    while (at_ < format_.size()) {
      if (format_[at_] != '%') {
        out_ += format_[at_++];
        continue;
      }
      ++at_;
      TRY(conversion());
      TRY(in_.reserve(out_.size()));
    }
    // what Python indexes may leave values unused
    const bool takes_keys =
        args_.is_dict() || args_.is(Kind::kList) || args_.is_undefined() || as_range(args_);
    const size_t n_given = args_.is(Kind::kTuple) ? args_.items().size() : 1;
    if (!takes_keys && i_argument_ < n_given)
      return invalid("not all values of % formatting are used");
    return in_.heap().str(std::move(out_), markup_);
  }

 private:
  Result<Value> next_argument() {
    const bool is_tuple = args_.is(Kind::kTuple);
    if (i_argument_ >= (is_tuple ? args_.items().size() : 1))
      return invalid("% formatting needs more values");
    const size_t i = i_argument_++;
    return is_tuple ? args_.items()[i] : args_;
  }

  Result<Value> keyed_argument() {
    if (!args_.is_dict()) return invalid("% formatting by name needs a dict");
    const size_t start = ++at_;
    int depth = 1;
    for (; at_ < format_.size() && depth > 0; ++at_) {
      if (format_[at_] == '(') ++depth;
      if (format_[at_] == ')') --depth;
    }
    if (depth > 0) return invalid("a name in % formatting is not closed");
    const std::string_view key = std::string_view(format_).substr(start, at_ - 1 - start);
    const Value* found = args_.dict().find(key);
    if (!found) return invalid("% formatting: there is no '{}'", key);
    return *found;
  }

  // A number or * for the width or precision.
  Result<int> count() {
    if (at_ < format_.size() && format_[at_] == '*') {
      ++at_;
      TRY_LET(const Value value, next_argument());
      if (!value.is_integral()) return invalid("* in % formatting needs an integer");
      if (std::abs(value.as_double()) > kMaxFormatWidth)
        return over_limit("a format width above {}", kMaxFormatWidth);
      return static_cast<int>(value.as_int());
    }
    int number = 0;
    for (; at_ < format_.size() && format_[at_] >= '0' && format_[at_] <= '9'; ++at_) {
      number = number * 10 + (format_[at_] - '0');
      if (number > kMaxFormatWidth) return over_limit("a format width above {}", kMaxFormatWidth);
    }
    return number;
  }

  Status conversion() {
    std::optional<Value> keyed;
    if (at_ < format_.size() && format_[at_] == '(') {
      TRY_LET(keyed, keyed_argument());
    }
    FormatSpec spec;
    bool left = false, zero = false;
    for (;
         at_ < format_.size() && std::string_view("#0- +").find(format_[at_]) != std::string::npos;
         ++at_) {
      const char flag = format_[at_];
      if (flag == '#') spec.alternate = true;
      if (flag == '0') zero = true;
      if (flag == '-') left = true;
      if (flag == '+') spec.sign = '+';
      if (flag == ' ' && spec.sign == '-') spec.sign = ' ';
    }
    TRY_LET(spec.width, count());
    if (spec.width < 0) {
      left = true;
      spec.width = -spec.width;
    }
    if (at_ < format_.size() && format_[at_] == '.') {
      ++at_;
      TRY_LET(spec.precision, count());
      spec.precision = std::max(spec.precision, 0);
    }
    if (at_ < format_.size() && std::string_view("hlL").find(format_[at_]) != std::string::npos)
      ++at_;
    if (at_ >= format_.size()) return invalid("% formatting ends too early");
    const char type = format_[at_++];
    if (type == '%') {
      out_ += '%';
      return {};
    }
    TRY_LET(const Value value, keyed ? Result<Value>(*keyed) : next_argument());
    spec.align = left ? '<' : 0;
    return convert(type, value, spec, zero && !left);
  }

  Status convert(char type, const Value& value, FormatSpec spec, bool zero) {
    TRY(in_.reserve(static_cast<size_t>(spec.width)));
    switch (type) {
      case 's':
      case 'r':
      case 'a':
        return convert_text(type, value, spec);
      case 'c':
        return convert_character(value, spec);
      case 'd':
      case 'i':
      case 'u':
      case 'o':
      case 'x':
      case 'X':
        return convert_integer(type, value, spec, zero);
      case 'e':
      case 'E':
      case 'f':
      case 'F':
      case 'g':
      case 'G':
        return convert_real(type, value, spec, zero);
      default:
        return invalid("'%{}' is not a format", type);
    }
  }

  Status convert_text(char type, const Value& value, const FormatSpec& spec) {
    std::string text;
    if (type == 's') {
      TRY_LET(text, in_.to_text(value));
      if (markup_ && !(value.is_str() && value.str().markup)) text = escaped(text);
    } else if (type == 'a' && value.is_str()) {
      text = str_repr(value.text(), true);
    } else {
      TRY(append_repr(in_, text, value));
    }
    if (spec.precision >= 0) text.resize(byte_offset(text, spec.precision));
    out_ += padded(text, spec, '>', 0);
    return {};
  }

  Status convert_character(const Value& value, const FormatSpec& spec) {
    std::string text;
    if (value.is_str() && count_chars(value.text()) == 1) {
      text = value.text();
    } else if (value.is_integral() && value.as_int() >= 0 && value.as_int() <= 0x10FFFF) {
      append_char(text, static_cast<char32_t>(value.as_int()));
    } else {
      return invalid("%c needs one character");
    }
    out_ += padded(text, spec, '>', 0);
    return {};
  }

  Status convert_integer(char type, const Value& value, FormatSpec spec, bool zero) {
    int64_t number = 0;
    const bool decimal = type == 'd' || type == 'i' || type == 'u';
    if (value.is_integral()) {
      number = value.as_int();
    } else if (decimal && value.is(Kind::kFloat)) {
      if (!(std::abs(value.as_double()) < 9.2e18)) return invalid("%{} needs an integer", type);
      number = static_cast<int64_t>(value.as_double());
    } else {
      return invalid("%{} needs a number, not {}", type, type_name(value));
    }
    const int n_digits = spec.precision;
    spec.precision = -1;
    spec.type = decimal ? 'd' : type;
    size_t n_prefix = 0;
    TRY_LET(std::string text, format_integer(number, spec, n_prefix));
    const size_t n_now = text.size() - n_prefix;
    if (n_digits > 0 && n_now < static_cast<size_t>(n_digits))
      text.insert(n_prefix, n_digits - n_now, '0');
    pad_number(text, spec, zero, n_prefix);
    return {};
  }

  Status convert_real(char type, const Value& value, FormatSpec spec, bool zero) {
    if (!value.is_number()) return invalid("%{} needs a number, not {}", type, type_name(value));
    spec.type = type;
    size_t n_prefix = 0;
    TRY_LET(const std::string text, format_real(value.as_double(), spec, n_prefix));
    pad_number(text, spec, zero, n_prefix);
    return {};
  }

  void pad_number(const std::string& text, FormatSpec spec, bool zero, size_t n_prefix) {
    if (zero) {
      spec.fill = '0';
      spec.align = '=';
    }
    out_ += padded(text, spec, '>', n_prefix);
  }

  Interpreter& in_;
  const std::string& format_;
  bool markup_;
  const Value& args_;
  size_t at_ = 0;
  size_t i_argument_ = 0;
  std::string out_;
};

}  // namespace

Result<Value> percent_format(Interpreter& in, const Value& format, const Value& args) {
  return PercentFormatter(in, format, args).run();
}

}  // namespace hearth::text::jinja
