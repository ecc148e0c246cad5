// SPDX-License-Identifier: MIT
// str methods that look: find, count, startswith, and the tests of characters.
#include <algorithm>

#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

// The part of the text that the arguments start and end (2 and 3) leave.
struct Window {
  std::string_view text;
  size_t i_first = 0;  // its first character's index
  bool valid = true;   // false where start lies past the end: nothing is found, not even ""
};

Result<Window> window(const Bound& args) {
  const std::string_view text = args[0].text();
  Window out{text};
  if (!args.has(2) && !args.has(3)) return out;
  const auto size = static_cast<int64_t>(count_chars(text));
  const auto bound = [&](size_t i, int64_t otherwise) -> Result<int64_t> {
    if (!args.has(i) || args[i].is_none()) return otherwise;
    if (!args[i].is_integral()) return invalid("start and end must be integers");
    const int64_t value = args[i].as_int();
    return value < 0 ? std::max<int64_t>(value < -size ? 0 : value + size, 0) : value;
  };
  TRY_LET(const int64_t start, bound(2, 0));
  TRY_LET(int64_t end, bound(3, size));
  end = std::min(end, size);
  if (start > size || start > end) {
    out.valid = false;
    return out;
  }
  const size_t from = byte_offset(text, static_cast<size_t>(start));
  const size_t to = from + byte_offset(text.substr(from), static_cast<size_t>(end - start));
  out.text = text.substr(from, to - from);
  out.i_first = static_cast<size_t>(start);
  return out;
}

Result<std::string_view> needle(const Bound& args) {
  if (!args[1].is_str()) return invalid("the argument must be text, not {}", type_name(args[1]));
  return args[1].text();
}

// The index of the first or last match, or -1.
Result<int64_t> locate(In& in, const Bound& args, bool last) {
  TRY_LET(const std::string_view wanted, needle(args));
  TRY_LET(const Window part, window(args));
  TRY(in.step(part.text.size() / 256));
  if (!part.valid) return -1;
  const size_t found = last ? rfind_text(part.text, wanted) : find_text(part.text, wanted);
  if (found == std::string_view::npos) return -1;
  return static_cast<int64_t>(part.i_first + count_chars(part.text.substr(0, found)));
}

Result<Value> method_find(In& in, const Bound& args) {
  TRY_LET(const int64_t index, locate(in, args, false));
  return Value::integer(index);
}
Result<Value> method_rfind(In& in, const Bound& args) {
  TRY_LET(const int64_t index, locate(in, args, true));
  return Value::integer(index);
}
Result<Value> method_index(In& in, const Bound& args) {
  TRY_LET(const int64_t index, locate(in, args, false));
  if (index < 0) return invalid("the text is not found");
  return Value::integer(index);
}
Result<Value> method_rindex(In& in, const Bound& args) {
  TRY_LET(const int64_t index, locate(in, args, true));
  if (index < 0) return invalid("the text is not found");
  return Value::integer(index);
}

Result<Value> method_count(In& in, const Bound& args) {
  TRY_LET(const std::string_view wanted, needle(args));
  TRY_LET(const Window part, window(args));
  TRY(in.step(part.text.size() / 256));
  if (!part.valid) return Value::integer(0);
  if (wanted.empty()) return Value::integer(static_cast<int64_t>(count_chars(part.text)) + 1);
  int64_t n_found = 0;
  for (size_t at = find_text(part.text, wanted); at != std::string_view::npos;
       at = find_text(part.text, wanted, at + wanted.size())) {
    ++n_found;
    if (wanted.size() > 32) TRY(in.step());  // each search prepares its needle
  }
  return Value::integer(n_found);
}

Result<Value> matches_side(const Bound& args, bool at_end) {
  TRY_LET(const Window part, window(args));
  const auto matches = [&](const Value& side) {
    return part.valid &&
           (at_end ? part.text.ends_with(side.text()) : part.text.starts_with(side.text()));
  };
  if (args[1].is_str()) return Value::boolean(matches(args[1]));
  if (!args[1].is(Kind::kTuple))
    return invalid("the argument must be text or a tuple of text, not {}", type_name(args[1]));
  for (const Value& side : args[1].items()) {
    if (!side.is_str()) return invalid("the tuple must hold text, not {}", type_name(side));
    if (matches(side)) return Value::boolean(true);
  }
  return Value::boolean(false);
}
Result<Value> method_startswith(In&, const Bound& args) { return matches_side(args, false); }
Result<Value> method_endswith(In&, const Bound& args) { return matches_side(args, true); }

// True where there are characters and all of them pass.
template <class Test>
Value all_chars(const Bound& args, Test test) {
  const std::string& text = args[0].text();
  for (size_t at = 0; at < text.size();)
    if (!test(decode_char(text, at))) return Value::boolean(false);
  return Value::boolean(!text.empty());
}

template <PythonClass kClass>
Result<Value> method_is(In&, const Bound& args) {
  return all_chars(args, [](char32_t c) { return is_python_class(c, kClass); });
}
Result<Value> method_isalnum(In&, const Bound& args) { return all_chars(args, is_alnum); }
Result<Value> method_isspace(In&, const Bound& args) { return all_chars(args, is_space); }
Result<Value> method_isascii(In&, const Bound& args) { return Value::boolean(args[0].str().ascii); }
Result<Value> method_isprintable(In& in, const Bound& args) {
  if (args[0].text().empty()) return Value::boolean(true);
  return method_is<PythonClass::kPrintable>(in, args);
}

Result<Value> method_isidentifier(In&, const Bound& args) {
  const std::string& text = args[0].text();
  size_t at = 0;
  if (text.empty()) return Value::boolean(false);
  const char32_t first = decode_char(text, at);
  if (first != '_' && !is_python_class(first, PythonClass::kAlpha)) return Value::boolean(false);
  return all_chars(args, [](char32_t c) { return c == '_' || is_alnum(c); });
}

Result<Value> method_islower(In&, const Bound& args) {
  return Value::boolean(is_all_case(args[0].text(), PythonClass::kLower));
}
Result<Value> method_isupper(In&, const Bound& args) {
  return Value::boolean(is_all_case(args[0].text(), PythonClass::kUpper));
}

Result<Value> method_istitle(In&, const Bound& args) {
  bool any = false, after_cased = false;
  const std::string& text = args[0].text();
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    const bool upper =
        is_python_class(c, PythonClass::kUpper) || is_python_class(c, PythonClass::kTitle);
    const bool lower = is_python_class(c, PythonClass::kLower);
    if ((upper && after_cased) || (lower && !after_cased)) return Value::boolean(false);
    after_cased = upper || lower;
    any = any || after_cased;
  }
  return Value::boolean(any);
}

constexpr Builtin kTextSearchMethods[] = {
    {"startswith", method_startswith, 2, {"self", "prefix", "start", "end"}, kPlace},
    {"endswith", method_endswith, 2, {"self", "suffix", "start", "end"}, kPlace},
    {"find", method_find, 2, {"self", "sub", "start", "end"}, kPlace},
    {"rfind", method_rfind, 2, {"self", "sub", "start", "end"}, kPlace},
    {"index", method_index, 2, {"self", "sub", "start", "end"}, kPlace},
    {"rindex", method_rindex, 2, {"self", "sub", "start", "end"}, kPlace},
    {"count", method_count, 2, {"self", "sub", "start", "end"}, kPlace},
    {"isalpha", method_is<PythonClass::kAlpha>, 1, {"self"}, kPlace},
    {"isdecimal", method_is<PythonClass::kDecimal>, 1, {"self"}, kPlace},
    {"isdigit", method_is<PythonClass::kDigit>, 1, {"self"}, kPlace},
    {"isnumeric", method_is<PythonClass::kNumeric>, 1, {"self"}, kPlace},
    {"isalnum", method_isalnum, 1, {"self"}, kPlace},
    {"isspace", method_isspace, 1, {"self"}, kPlace},
    {"isascii", method_isascii, 1, {"self"}, kPlace},
    {"isprintable", method_isprintable, 1, {"self"}, kPlace},
    {"isidentifier", method_isidentifier, 1, {"self"}, kPlace},
    {"islower", method_islower, 1, {"self"}, kPlace},
    {"isupper", method_isupper, 1, {"self"}, kPlace},
    {"istitle", method_istitle, 1, {"self"}, kPlace},
};

}  // namespace

Table text_search_methods() { return kTextSearchMethods; }

}  // namespace hearth::text::jinja
