// SPDX-License-Identifier: MIT
// str methods that give text or lists of text. Source: the Python language reference.
#include <algorithm>

#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/markup.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

Value like(In& in, const Value& self, std::string_view text) {
  return in.heap().str(std::string(text), self.str().markup);
}

Result<std::string_view> text_argument(const Bound& args, size_t i) {
  if (!args[i].is_str()) return invalid("the argument must be text, not {}", type_name(args[i]));
  return args[i].text();
}

Result<int64_t> int_argument(const Bound& args, size_t i, int64_t otherwise) {
  if (!args.has(i)) return otherwise;
  if (!args[i].is_integral())
    return invalid("the argument must be an integer, not {}", type_name(args[i]));
  return args[i].as_int();
}

Result<Value> strip_sides(In& in, const Bound& args, bool left, bool right) {
  const std::string_view text = args[0].text();
  if (args.has(1) && !args[1].is_none()) {
    TRY_LET(const std::string_view characters, text_argument(args, 1));
    return like(in, args[0], strip_chars(text, characters, left, right));
  }
  std::string_view rest = right ? strip_right(text) : text;
  if (left) rest = strip_left(rest);
  return like(in, args[0], rest);
}
Result<Value> method_strip(In& in, const Bound& args) { return strip_sides(in, args, true, true); }
Result<Value> method_lstrip(In& in, const Bound& args) {
  return strip_sides(in, args, true, false);
}
Result<Value> method_rstrip(In& in, const Bound& args) {
  return strip_sides(in, args, false, true);
}

Result<Value> method_upper(In& in, const Bound& args) {
  return like(in, args[0], to_upper(args[0].text()));
}
Result<Value> method_lower(In& in, const Bound& args) {
  return like(in, args[0], to_lower(args[0].text()));
}
Result<Value> method_capitalize(In& in, const Bound& args) {
  return like(in, args[0], capitalized(args[0].text()));
}

Result<Value> method_title(In& in, const Bound& args) {
  std::string out;
  bool after_cased = false;
  const std::string& text = args[0].text();
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    append_case(out, c, after_cased ? CaseForm::kLower : CaseForm::kTitle);
    after_cased = is_cased(c);
  }
  return like(in, args[0], out);
}

Result<Value> method_swapcase(In& in, const Bound& args) {
  std::string out;
  const std::string& text = args[0].text();
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    append_case(out, c,
                is_python_class(c, PythonClass::kUpper) ? CaseForm::kLower : CaseForm::kUpper);
  }
  return like(in, args[0], out);
}

Result<Value> method_replace(In& in, const Bound& args) {
  TRY_LET(const std::string_view old, text_argument(args, 1));
  TRY_LET(const std::string_view replacement, text_argument(args, 2));
  TRY_LET(const int64_t count, int_argument(args, 3, -1));
  const bool markup = args[0].str().markup && !args[2].str().markup;
  TRY_LET(const std::string out,
          replaced(in, args[0].text(), old, markup ? escaped(replacement) : replacement, count));
  return like(in, args[0], out);
}

// The pieces of `text` around whitespace, at most `limit` cuts (negative: all), from either side.
std::vector<std::string_view> split_spaces(std::string_view text, int64_t limit, bool from_right) {
  std::vector<std::string_view> pieces;
  text = strip(text);
  if (from_right) {
    for (; !text.empty() && limit != 0; --limit) {
      size_t start = text.size();
      while (start > 0) {
        size_t at = previous_char(text, start);
        const size_t before = at;
        if (is_space(decode_char(text, at))) break;
        start = before;
      }
      pieces.push_back(text.substr(start));
      text = strip_right(text.substr(0, start));
    }
    if (!text.empty()) pieces.push_back(text);
    std::reverse(pieces.begin(), pieces.end());
    return pieces;
  }
  for (; !text.empty() && limit != 0; --limit) {
    size_t end = 0;
    while (end < text.size()) {
      size_t at = end;
      if (is_space(decode_char(text, at))) break;
      end = at;
    }
    pieces.push_back(text.substr(0, end));
    text = strip_left(text.substr(end));
  }
  if (!text.empty()) pieces.push_back(text);
  return pieces;
}

std::vector<std::string_view> split_at(std::string_view text, std::string_view separator,
                                       int64_t limit, bool from_right) {
  std::vector<std::string_view> pieces;
  for (; limit != 0; --limit) {
    const size_t found = from_right ? rfind_text(text, separator) : find_text(text, separator);
    if (found == std::string_view::npos) break;
    const size_t after = found + separator.size();
    pieces.push_back(from_right ? text.substr(after) : text.substr(0, found));
    text = from_right ? text.substr(0, found) : text.substr(after);
  }
  pieces.push_back(text);
  if (from_right) std::reverse(pieces.begin(), pieces.end());
  return pieces;
}

Result<Value> list_of(In& in, const Value& self, const std::vector<std::string_view>& pieces) {
  TRY(in.step(pieces.size() / 4));
  TRY(in.reserve(pieces.size() * (sizeof(Str) + sizeof(Value)) + self.text().size()));
  std::vector<Value> items;
  items.reserve(pieces.size());
  for (const std::string_view piece : pieces) items.push_back(like(in, self, piece));
  return in.heap().list(std::move(items));
}

Result<Value> split(In& in, const Bound& args, bool from_right) {
  TRY_LET(const int64_t limit, int_argument(args, 2, -1));
  const std::string& text = args[0].text();
  TRY(in.step(text.size() / 1024));
  TRY(in.reserve(text.size() * sizeof(std::string_view)));
  if (!args.has(1) || args[1].is_none())
    return list_of(in, args[0], split_spaces(text, limit, from_right));
  TRY_LET(const std::string_view separator, text_argument(args, 1));
  if (separator.empty()) return invalid("the separator is empty");
  return list_of(in, args[0], split_at(text, separator, limit, from_right));
}
Result<Value> method_split(In& in, const Bound& args) { return split(in, args, false); }
Result<Value> method_rsplit(In& in, const Bound& args) { return split(in, args, true); }

Result<Value> method_splitlines(In& in, const Bound& args) {
  TRY(in.step(args[0].text().size() / 1024));
  TRY(in.reserve(args[0].text().size() * sizeof(std::string_view)));
  return list_of(in, args[0], split_lines(args[0].text(), args.flag(1)));
}

Result<Value> partition(In& in, const Bound& args, bool from_right) {
  TRY_LET(const std::string_view separator, text_argument(args, 1));
  if (separator.empty()) return invalid("the separator is empty");
  const std::string_view text = args[0].text();
  const size_t found = from_right ? rfind_text(text, separator) : find_text(text, separator);
  const Value& self = args[0];
  const Value none = like(in, self, "");
  if (found == std::string_view::npos)
    return from_right ? in.heap().tuple({none, none, self}) : in.heap().tuple({self, none, none});
  return in.heap().tuple({like(in, self, text.substr(0, found)), like(in, self, separator),
                          like(in, self, text.substr(found + separator.size()))});
}
Result<Value> method_partition(In& in, const Bound& args) { return partition(in, args, false); }
Result<Value> method_rpartition(In& in, const Bound& args) { return partition(in, args, true); }

Result<Value> method_join(In& in, const Bound& args) {
  TRY_LET(const std::vector<Value> items, in.collect(args[1]));
  const bool markup = args[0].str().markup;
  std::string out;
  for (size_t i = 0; i < items.size(); ++i) {
    if (!items[i].is_str())
      return invalid("item {} to join must be text, not {}", i, type_name(items[i]));
    if (i > 0) out += args[0].text();
    out += markup && !items[i].str().markup ? escaped(items[i].text()) : items[i].text();
    TRY(in.reserve(out.size()));
  }
  return like(in, args[0], out);
}

Result<Value> method_format(In& in, const Bound& args) {
  CallArgs rest = args.all;
  const Value self = rest.positional.front();
  rest.positional.erase(rest.positional.begin());
  return brace_format(in, self, rest);
}

Result<Value> method_format_map(In& in, const Bound& args) {
  if (!args[1].is_dict()) return invalid("format_map needs a dict");
  CallArgs rest;
  for (const auto& [key, value] : args[1].dict().entries)
    if (key.is_str()) rest.named.emplace_back(key.text(), value);
  return brace_format(in, args[0], rest);
}

Result<Value> justify(In& in, const Bound& args, Justify how) {
  TRY_LET(const int64_t width, int_argument(args, 1, 0));
  std::string_view fill = " ";
  if (args.has(2)) {
    TRY_LET(fill, text_argument(args, 2));
    if (count_chars(fill) != 1) return invalid("the fill must be one character");
  }
  TRY_LET(const std::string out, justified(in, args[0].text(), width, fill, how));
  return like(in, args[0], out);
}
Result<Value> method_ljust(In& in, const Bound& args) { return justify(in, args, Justify::kLeft); }
Result<Value> method_rjust(In& in, const Bound& args) { return justify(in, args, Justify::kRight); }
Result<Value> method_center(In& in, const Bound& args) {
  return justify(in, args, Justify::kCenter);
}

Result<Value> method_zfill(In& in, const Bound& args) {
  TRY_LET(const int64_t width, int_argument(args, 1, 0));
  std::string_view text = args[0].text();
  const bool has_sign = text.starts_with('-') || text.starts_with('+');
  const std::string sign(text.substr(0, has_sign ? 1 : 0));
  if (has_sign) text.remove_prefix(1);
  TRY_LET(const std::string out,
          justified(in, text, width - (has_sign ? 1 : 0), "0", Justify::kRight));
  return like(in, args[0], sign + out);
}

Result<Value> method_expandtabs(In& in, const Bound& args) {
  TRY_LET(const int64_t tab, int_argument(args, 1, 8));
  if (tab > 1000) return over_limit("a tab wider than 1000");
  std::string out;
  int64_t column = 0;
  const std::string& text = args[0].text();
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    if (c == '\t') {
      const int64_t n = tab > 0 ? tab - column % tab : 0;
      out.append(n, ' ');
      column += n;
      TRY(in.reserve(out.size()));
    } else {
      append_char(out, c);
      column = c == '\n' || c == '\r' ? 0 : column + 1;
    }
  }
  return like(in, args[0], out);
}

Result<Value> method_removeprefix(In& in, const Bound& args) {
  TRY_LET(const std::string_view prefix, text_argument(args, 1));
  std::string_view text = args[0].text();
  if (text.starts_with(prefix)) text.remove_prefix(prefix.size());
  return like(in, args[0], text);
}

Result<Value> method_removesuffix(In& in, const Bound& args) {
  TRY_LET(const std::string_view suffix, text_argument(args, 1));
  std::string_view text = args[0].text();
  if (text.ends_with(suffix)) text.remove_suffix(suffix.size());
  return like(in, args[0], text);
}

constexpr Builtin kTextMethods[] = {
    {"strip", method_strip, 1, {"self", "chars"}, kPlace},
    {"lstrip", method_lstrip, 1, {"self", "chars"}, kPlace},
    {"rstrip", method_rstrip, 1, {"self", "chars"}, kPlace},
    {"split", method_split, 1, {"self", "sep", "maxsplit"}},
    {"rsplit", method_rsplit, 1, {"self", "sep", "maxsplit"}},
    {"splitlines", method_splitlines, 1, {"self", "keepends"}},
    {"replace", method_replace, 3, {"self", "old", "new", "count"}, kPlace},
    {"upper", method_upper, 1, {"self"}, kPlace},
    {"lower", method_lower, 1, {"self"}, kPlace},
    {"title", method_title, 1, {"self"}, kPlace},
    {"capitalize", method_capitalize, 1, {"self"}, kPlace},
    {"swapcase", method_swapcase, 1, {"self"}, kPlace},
    {"join", method_join, 2, {"self", "iterable"}, kPlace},
    {"format", method_format, 1, {"self"}, Passing::kAnything},
    {"format_map", method_format_map, 2, {"self", "mapping"}, kPlace},
    {"partition", method_partition, 2, {"self", "sep"}, kPlace},
    {"rpartition", method_rpartition, 2, {"self", "sep"}, kPlace},
    {"ljust", method_ljust, 2, {"self", "width", "fill"}, kPlace},
    {"rjust", method_rjust, 2, {"self", "width", "fill"}, kPlace},
    {"center", method_center, 2, {"self", "width", "fill"}, kPlace},
    {"zfill", method_zfill, 2, {"self", "width"}, kPlace},
    {"expandtabs", method_expandtabs, 1, {"self", "tabsize"}},
    {"removeprefix", method_removeprefix, 2, {"self", "prefix"}, kPlace},
    {"removesuffix", method_removesuffix, 2, {"self", "suffix"}, kPlace},
};

}  // namespace

Table text_methods() { return kTextMethods; }

}  // namespace hearth::text::jinja
