// SPDX-License-Identifier: MIT
// Filters on text, and tojson.
#include <algorithm>

#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/json_text.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/text_ops.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

// Applies `change` to the text of the first argument and keeps its markup.
template <class Change>
Result<Value> changed_text(In& in, const Bound& args, Change change) {
  TRY_LET(const Value value, in.to_str(args[0]));
  return in.heap().str(std::string(change(value.text())), value.str().markup);
}

Result<Value> filter_upper(In& in, const Bound& args) { return changed_text(in, args, to_upper); }
Result<Value> filter_lower(In& in, const Bound& args) { return changed_text(in, args, to_lower); }
Result<Value> filter_capitalize(In& in, const Bound& args) {
  return changed_text(in, args, capitalized);
}

Result<Value> filter_title(In& in, const Bound& args) {
  return changed_text(in, args, [](std::string_view text) {
    std::string out;
    bool at_start = true;
    for (size_t at = 0; at < text.size();) {
      const char32_t c = decode_char(text, at);
      const bool breaks = is_space(c) || c == '-' || c == '(' || c == '{' || c == '[' || c == '<';
      append_case(out, c, at_start && !breaks ? CaseForm::kUpper : CaseForm::kLower);
      at_start = breaks;
    }
    return out;
  });
}

Result<Value> filter_trim(In& in, const Bound& args) {
  if (args.has(1) && !args[1].is_none() && !args[1].is_str())
    return invalid("the characters to trim must be text");
  return changed_text(in, args, [&](std::string_view text) {
    return args.has(1) && args[1].is_str() ? strip_chars(text, args[1].text(), true, true)
                                           : strip(text);
  });
}

Result<Value> filter_replace(In& in, const Bound& args) {
  TRY_LET(const std::string text, in.to_text(args[0]));
  TRY_LET(const std::string old, in.to_text(args[1]));
  TRY_LET(const std::string replacement, in.to_text(args[2]));
  int64_t count = -1;
  if (args.has(3) && !args[3].is_none()) {
    if (!args[3].is_integral()) return invalid("the count must be an integer");
    count = args[3].as_int();
  }
  TRY_LET(std::string out, replaced(in, text, old, replacement, count));
  return in.heap().str(std::move(out));
}

Result<Value> filter_center(In& in, const Bound& args) {
  TRY_LET(const Value value, in.to_str(args[0]));
  const Value width = args.get(1, Value::integer(80));
  if (!width.is_integral()) return invalid("the width must be an integer");
  TRY_LET(std::string out, justified(in, value.text(), width.as_int(), " ", Justify::kCenter));
  return in.heap().str(std::move(out), value.str().markup);
}

Result<Value> filter_indent(In& in, const Bound& args) {
  if (!args[0].is_str()) return invalid("only text can be indented, not {}", type_name(args[0]));
  std::string indentation = "    ";
  if (args.has(1) && args[1].is_str()) {
    indentation = args[1].text();
  } else if (args.has(1)) {
    if (!args[1].is_integral()) return invalid("the width must be an integer or text");
    const int64_t width = std::max<int64_t>(args[1].as_int(), 0);
    TRY(in.reserve(static_cast<size_t>(width)));
    indentation = std::string(static_cast<size_t>(width), ' ');
  }
  const bool first = args.flag(2), blank = args.flag(3);
  const std::string ended = args[0].text() + "\n";
  const auto lines = split_lines(ended, false);
  size_t n_bytes = 0;
  if (__builtin_mul_overflow(lines.size(), indentation.size(), &n_bytes))
    return over_limit("the indentation is too wide");
  TRY(in.reserve(n_bytes + args[0].text().size()));
  TRY(in.step(lines.size() / 16));
  std::string out = first ? indentation : "";
  for (size_t i = 0; i < lines.size(); ++i) {
    if (i > 0) out += '\n';
    if (i > 0 && (blank || !lines[i].empty())) out += indentation;
    out += lines[i];
  }
  return in.heap().str(std::move(out), args[0].str().markup);
}

Result<Value> filter_truncate(In& in, const Bound& args) {
  const Value& value = args[0];
  const Value length = args.get(1, Value::integer(255));
  const Value leeway = args.get(4, Value::integer(5));
  const std::string end = args.has(3) && args[3].is_str() ? args[3].text() : "...";
  const auto n_end = static_cast<int64_t>(count_chars(end));
  if (!length.is_integral() || !leeway.is_integral() || length.as_int() < n_end ||
      leeway.as_int() < 0)
    return invalid("the length must be an integer of at least {}", n_end);
  const auto cursor = Cursor::over(value);
  if (!cursor || !cursor->size()) return invalid("'{}' has no length", type_name(value));
  const auto size = static_cast<int64_t>(*cursor->size());
  if (size <= length.as_int() || size - length.as_int() <= leeway.as_int()) return value;
  if (!value.is_str()) return invalid("only text can be cut, not {}", type_name(value));
  const std::string& text = value.text();
  std::string kept = text.substr(0, byte_offset(text, length.as_int() - n_end));
  if (!args.flag(2)) {
    const size_t space = kept.rfind(' ');
    if (space != std::string::npos) kept.resize(space);
  }
  return in.heap().str(kept + end, value.str().markup);
}

Result<Value> filter_wordcount(In& in, const Bound& args) {
  TRY_LET(const std::string text, in.to_text(args[0]));
  int64_t n_words = 0;
  bool in_word = false;
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    const bool part = c == '_' || is_alnum(c);
    if (part && !in_word) ++n_words;
    in_word = part;
  }
  return Value::integer(n_words);
}

Result<Value> filter_string(In& in, const Bound& args) { return in.to_str(args[0]); }

Result<Value> filter_format(In& in, const Bound& args) {
  if (args.all.positional.empty()) return invalid("format needs text");
  TRY_LET(const Value format, in.to_str(args.all.positional[0]));
  if (args.all.positional.size() > 1 && !args.all.named.empty())
    return invalid("format takes arguments by place or by name, not both");
  if (!args.all.named.empty()) {
    Dict named;
    for (const auto& [name, value] : args.all.named) named.set(in.heap().str(name), value);
    return percent_format(in, format, in.heap().dict(std::move(named)));
  }
  const auto& given = args.all.positional;
  return percent_format(in, format, in.heap().tuple({given.begin() + 1, given.end()}));
}

Result<Value> filter_tojson(In& in, const Bound& args) {
  JsonStyle style;
  style.ensure_ascii = args.flag(1);
  if (args.has(2) && args[2].is_str()) {
    style.indent = args[2].text();
  } else if (args.has(2) && args[2].is_integral()) {
    const int64_t width = std::max<int64_t>(args[2].as_int(), 0);
    TRY(in.reserve(static_cast<size_t>(width)));
    style.indent = std::string(static_cast<size_t>(width), ' ');
  } else if (args.has(2) && !args[2].is_none()) {
    return invalid("the indent must be an integer or text");
  }
  if (style.indent) style.item_separator = std::string(",");  // g++ 12 warns of the literal
  if (args.has(3) && !args[3].is_none()) {
    TRY_LET(const std::vector<Value> separators, in.collect(args[3]));
    if (separators.size() != 2 || !separators[0].is_str() || !separators[1].is_str())
      return invalid("the separators must be two texts");
    style.item_separator = separators[0].text();
    style.key_separator = separators[1].text();
  }
  style.sort_keys = args.flag(4);
  TRY_LET(std::string text, to_json(in, args[0], style));
  return in.heap().str(std::move(text));
}

constexpr Builtin kTextFilters[] = {
    {"upper", filter_upper, 1, {"s"}},
    {"lower", filter_lower, 1, {"s"}},
    {"capitalize", filter_capitalize, 1, {"s"}},
    {"title", filter_title, 1, {"s"}},
    {"trim", filter_trim, 1, {"value", "chars"}},
    {"replace", filter_replace, 3, {"s", "old", "new", "count"}},
    {"center", filter_center, 1, {"value", "width"}},
    {"indent", filter_indent, 1, {"s", "width", "first", "blank"}},
    {"truncate", filter_truncate, 1, {"s", "length", "killwords", "end", "leeway"}},
    {"wordcount", filter_wordcount, 1, {"s"}},
    {"string", filter_string, 1, {"s"}},
    {"format", filter_format, 1, {"value"}, Passing::kAnything},
    {"tojson", filter_tojson, 1, {"x", "ensure_ascii", "indent", "separators", "sort_keys"}},
};

}  // namespace

Table text_filters() { return kTextFilters; }

}  // namespace hearth::text::jinja
