// SPDX-License-Identifier: MIT
#include "text/jinja/python_repr.h"

#include <charconv>
#include <cmath>
#include <cstdlib>

#include "text/jinja/interpreter.h"
#include "text/jinja/markup.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

void append_escape(std::string& out, char32_t c) {
  if (c >= kIllFormed) c = 0xDC00 + (c - kIllFormed);  // as Python's surrogateescape shows it
  if (c < 0x100) {
    out += fmt::format("\\x{:02x}", static_cast<uint32_t>(c));
  } else if (c < 0x10000) {
    out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
  } else {
    out += fmt::format("\\U{:08x}", static_cast<uint32_t>(c));
  }
}

Status append_items(Interpreter& in, std::string& out, const std::vector<Value>& items, int depth) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (i > 0) out += ", ";
    TRY(append_repr(in, out, items[i], depth + 1));
  }
  return {};
}

Status append_dict(Interpreter& in, std::string& out, const Dict& dict, int depth) {
  out += '{';
  bool first = true;
  for (const auto& [key, value] : dict.entries) {
    if (!first) out += ", ";
    first = false;
    TRY(append_repr(in, out, key, depth + 1));
    out += ": ";
    TRY(append_repr(in, out, value, depth + 1));
  }
  out += '}';
  return {};
}

Status append_view(Interpreter& in, std::string& out, const View& view, int depth) {
  constexpr std::string_view kNames[] = {"dict_keys([", "dict_values([", "dict_items(["};
  out += kNames[static_cast<int>(view.part)];
  bool first = true;
  for (const auto& [key, value] : view.dict.entries) {
    if (!first) out += ", ";
    first = false;
    if (view.part == View::Part::kItems) out += '(';
    if (view.part != View::Part::kValues) TRY(append_repr(in, out, key, depth + 1));
    if (view.part == View::Part::kItems) out += ", ";
    if (view.part != View::Part::kKeys) TRY(append_repr(in, out, value, depth + 1));
    if (view.part == View::Part::kItems) out += ')';
  }
  out += "])";
  return {};
}

Status append_object(Interpreter& in, std::string& out, const Value& value, int depth) {
  Object& object = value.object();
  switch (object.kind) {
    case ObjectKind::kNamespace:
      out += "<Namespace ";
      TRY(append_dict(in, out, static_cast<Namespace&>(object).attributes, depth));
      out += '>';
      return {};
    case ObjectKind::kRange: {
      const auto& range = static_cast<Range&>(object);
      out += fmt::format("range({}, {}", range.start, range.stop);
      if (range.step != 1) out += fmt::format(", {}", range.step);
      out += ')';
      return {};
    }
    case ObjectKind::kView:
      return append_view(in, out, static_cast<View&>(object), depth);
    case ObjectKind::kMacro:
      out += fmt::format("<Macro '{}'>", static_cast<Macro&>(object).definition.spelling);
      return {};
    case ObjectKind::kLoop: {
      auto& loop = static_cast<Loop&>(object);
      TRY_LET(const int64_t n_items, loop.count(in));
      out += fmt::format("<LoopContext {}/{}>", loop.index0 + 1, n_items);
      return {};
    }
    default:
      out += fmt::format("<{} object>", type_name(value));
      return {};
  }
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '\'':
        out += "&#39;";
        break;
      case '"':
        out += "&#34;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

// Shortest digits that read back the same; an exponent below 1e-4 and from 1e16 on.
std::string float_repr(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  char buffer[40];
  const auto end =
      std::to_chars(buffer, buffer + sizeof(buffer), value, std::chars_format::scientific);
  const std::string_view text(buffer, end.ptr - buffer);
  const size_t e = text.find('e');
  const int exponent = std::atoi(std::string(text.substr(e + 1)).c_str());
  const bool negative = text[0] == '-';
  std::string digits;
  for (const char c : text.substr(0, e))
    if (c >= '0' && c <= '9') digits += c;
  std::string out = negative ? "-" : "";
  if (exponent < -4 || exponent >= 16) {
    out += digits[0];
    if (digits.size() > 1) out += "." + digits.substr(1);
    return out + fmt::format("e{}{:02}", exponent < 0 ? '-' : '+', std::abs(exponent));
  }
  if (exponent < 0) return out + "0." + std::string(-exponent - 1, '0') + digits;
  const size_t n_whole = exponent + 1;
  if (digits.size() <= n_whole)
    return out + digits + std::string(n_whole - digits.size(), '0') + ".0";
  return out + digits.substr(0, n_whole) + "." + digits.substr(n_whole);
}

std::string str_repr(std::string_view text, bool ascii_only) {
  const bool has_single = text.find('\'') != std::string_view::npos;
  const bool has_double = text.find('"') != std::string_view::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  std::string out(1, quote);
  for (size_t at = 0; at < text.size();) {
    const char32_t c = decode_char(text, at);
    if (c == static_cast<char32_t>(quote) || c == '\\') {
      out += '\\';
      append_char(out, c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (is_python_class(c, PythonClass::kPrintable) && !(ascii_only && c >= 0x80)) {
      append_char(out, c);
    } else {
      append_escape(out, c);
    }
  }
  return out + quote;
}

Status append_repr(Interpreter& in, std::string& out, const Value& value, int depth) {
  if (depth > kMaxValueDepth) return over_limit("a value is nested too deeply to print");
  TRY(in.step());
  TRY(in.reserve(out.size()));
  switch (value.kind()) {
    case Kind::kUndefined:
      out += "Undefined";
      return {};
    case Kind::kNone:
      out += "None";
      return {};
    case Kind::kBool:
      out += value.as_bool() ? "True" : "False";
      return {};
    case Kind::kInt:
      out += fmt::format("{}", value.as_int());
      return {};
    case Kind::kFloat:
      out += float_repr(value.as_double());
      return {};
    case Kind::kStr:
      out += value.str().markup ? fmt::format("Markup({})", str_repr(value.text()))
                                : str_repr(value.text());
      return {};
    case Kind::kList:
      out += '[';
      TRY(append_items(in, out, value.items(), depth));
      out += ']';
      return {};
    case Kind::kTuple:
      out += '(';
      TRY(append_items(in, out, value.items(), depth));
      out += value.items().size() == 1 ? ",)" : ")";
      return {};
    case Kind::kDict:
      return append_dict(in, out, value.dict(), depth);
    case Kind::kObject:
      return append_object(in, out, value, depth);
  }
  return {};
}

Result<std::string> Interpreter::to_text(const Value& value) {
  if (value.is_str()) return value.text();
  std::string out;
  if (!value.is_undefined()) TRY(append_repr(*this, out, value));
  return out;
}

Result<Value> Interpreter::to_str(const Value& value) {
  if (value.is_str()) return value;
  TRY_LET(std::string text, to_text(value));
  return heap_.str(std::move(text));
}

}  // namespace hearth::text::jinja
