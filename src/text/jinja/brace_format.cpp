// SPDX-License-Identifier: MIT
// str.format: "{} {0.name} {key!r:>10}".
#include <charconv>

#include "text/jinja/interpreter.h"
#include "text/jinja/markup.h"
#include "text/jinja/number_format.h"
#include "text/jinja/percent_format.h"
#include "text/jinja/python_repr.h"

namespace hearth::text::jinja {
namespace {

class BraceFormatter {
 public:
  BraceFormatter(Interpreter& in, bool markup, const CallArgs& args)
      : in_(in), markup_(markup), args_(args) {}

  // `depth`: how many levels of specifications may still follow, two as in Python.
  Result<std::string> run(std::string_view format, int depth) {
    if (depth < 0) return invalid("format: braces are nested too deeply");
    std::string out;
    for (size_t at = 0; at < format.size();) {
      const char c = format[at++];
      if (c != '{' && c != '}') {
        out += c;
        continue;
      }
      if (at < format.size() && format[at] == c) {
        out += c;
        ++at;
        continue;
      }
      if (c == '}') return invalid("format: a single '}}'");
      const size_t start = at;
      int n_open = 1;
      for (; at < format.size() && n_open > 0; ++at) {
        if (format[at] == '{') ++n_open;
        if (format[at] == '}') --n_open;
      }
      if (n_open > 0) return invalid("format: a single '{{'");
      TRY_LET(const std::string text, field(format.substr(start, at - 1 - start), depth));
      out += text;
      TRY(in_.reserve(out.size()));
    }
    return out;
  }

 private:
  Result<std::string> field(std::string_view field, int depth) {
    // the name ends at ! or : outside of [...]
    size_t end = 0;
    bool in_index = false;
    for (; end < field.size(); ++end) {
      if (field[end] == '[') in_index = true;
      if (field[end] == ']') in_index = false;
      if (!in_index && (field[end] == '!' || field[end] == ':')) break;
    }
    TRY_LET(Value value, lookup(field.substr(0, end)));
    std::string_view rest = field.substr(end);
    if (rest.starts_with('!')) {
      if (rest.size() < 2 || (rest.size() > 2 && rest[2] != ':'))
        return invalid("format: '!' needs one letter");
      TRY_LET(value, converted(value, rest[1]));
      rest.remove_prefix(2);
    }
    if (rest.starts_with(':')) rest.remove_prefix(1);
    TRY_LET(const std::string spec, run(rest, depth - 1));
    TRY_LET(std::string text, format_value(in_, value, spec));
    if (markup_ && !(value.is_str() && value.str().markup)) text = escaped(text);
    return text;
  }

  Result<Value> converted(const Value& value, char how) {
    if (how == 's') return in_.to_str(value);
    if (how != 'r' && how != 'a') return invalid("format: unknown conversion '!{}'", how);
    if (how == 'a' && value.is_str()) return in_.heap().str(str_repr(value.text(), true));
    std::string text;
    TRY(append_repr(in_, text, value));
    return in_.heap().str(std::move(text));
  }

  Result<Value> lookup(std::string_view name) {
    size_t at = name.find_first_of(".[");
    if (at == std::string_view::npos) at = name.size();
    TRY_LET(Value value, argument(name.substr(0, at)));
    while (at < name.size()) {
      const bool is_index = name[at++] == '[';
      size_t end = is_index ? name.find(']', at) : name.find_first_of(".[", at);
      if (end == std::string_view::npos) {
        if (is_index) return invalid("format: '[' is not closed");
        end = name.size();
      }
      const std::string_view part = name.substr(at, end - at);
      if (part.empty()) return invalid("format: an empty attribute");
      if (is_index) {
        int64_t i = 0;
        const auto parsed = std::from_chars(part.data(), part.data() + part.size(), i);
        const bool is_number =
            parsed.ec == std::errc() && parsed.ptr == part.data() + part.size() && part[0] != '-';
        TRY_LET(value, in_.item(value, is_number ? Value::integer(i) : in_.heap().str(part)));
        at = end + 1;
        if (at < name.size() && name[at] != '.' && name[at] != '[')
          return invalid("format: only '.' or '[' may follow ']'");
      } else {
        TRY_LET(value, in_.attribute(value, part));
        at = end;
      }
    }
    return value;
  }

  Result<Value> argument(std::string_view name) {
    size_t i = 0;
    const bool is_number =
        !name.empty() && name.find_first_not_of("0123456789") == std::string_view::npos;
    if (name.empty() || is_number) {
      const Numbering wanted = is_number ? Numbering::kManual : Numbering::kAutomatic;
      if (numbering_ != Numbering::kUnknown && numbering_ != wanted)
        return invalid("format: numbered and unnumbered fields are mixed");
      numbering_ = wanted;
      i = args_.positional.size();
      if (is_number) {
        std::from_chars(name.data(), name.data() + name.size(), i);
      } else {
        i = i_next_++;
      }
      if (i >= args_.positional.size()) return invalid("format: there is no argument {}", i);
      return args_.positional[i];
    }
    for (const auto& [key, value] : args_.named)
      if (key == name) return value;
    return invalid("format: there is no argument '{}'", name);
  }

  enum class Numbering { kUnknown, kManual, kAutomatic };
  Interpreter& in_;
  bool markup_;
  const CallArgs& args_;
  Numbering numbering_ = Numbering::kUnknown;
  size_t i_next_ = 0;
};

}  // namespace

Result<Value> brace_format(Interpreter& in, const Value& format, const CallArgs& args) {
  const bool markup = format.str().markup;
  TRY_LET(std::string text, BraceFormatter(in, markup, args).run(format.text(), 2));
  return in.heap().str(std::move(text), markup);
}

}  // namespace hearth::text::jinja
