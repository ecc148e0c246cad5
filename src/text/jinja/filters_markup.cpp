// SPDX-License-Identifier: MIT
// Filters for HTML and URLs.
#include "text/jinja/builtin.h"
#include "text/jinja/interpreter.h"
#include "text/jinja/markup.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

using In = Interpreter;

Result<Value> filter_safe(In& in, const Bound& args) {
  TRY_LET(std::string text, in.to_text(args[0]));
  return in.heap().str(std::move(text), true);
}

Result<Value> filter_escape(In& in, const Bound& args) {
  if (args[0].is_str() && args[0].str().markup) return args[0];
  TRY_LET(const std::string text, in.to_text(args[0]));
  return in.heap().str(escaped(text), true);
}

Result<Value> filter_forceescape(In& in, const Bound& args) {
  TRY_LET(const std::string text, in.to_text(args[0]));
  return in.heap().str(escaped(text), true);
}

std::string quoted(std::string_view text, bool for_query) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '_' || c == '.' || c == '-' || c == '~' || (c == '/' && !for_query);
    if (plain) {
      out += c;
    } else if (c == ' ' && for_query) {
      out += '+';
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

Result<Value> filter_urlencode(In& in, const Bound& args) {
  const bool walks = !args[0].is_str() && Cursor::over(args[0]).has_value();
  if (!walks) {
    TRY_LET(const std::string text, in.to_text(args[0]));
    return in.heap().str(quoted(text, false));
  }
  std::vector<Value> pairs;
  if (args[0].is_dict()) {
    for (const auto& [key, value] : args[0].dict().entries)
      pairs.push_back(in.heap().tuple({key, value}));
  } else {
    TRY_LET(pairs, in.collect(args[0]));
  }
  std::string out;
  for (const Value& pair : pairs) {
    TRY_LET(const std::vector<Value> parts, in.collect(pair));
    if (parts.size() != 2) return invalid("needs pairs of a key and a value");
    TRY_LET(const std::string key, in.to_text(parts[0]));
    TRY_LET(const std::string value, in.to_text(parts[1]));
    if (!out.empty()) out += '&';
    out += quoted(key, true) + "=" + quoted(value, true);
    TRY(in.reserve(out.size()));
  }
  return in.heap().str(std::move(out));
}

Result<Value> filter_xmlattr(In& in, const Bound& args) {
  if (!args[0].is_dict()) return invalid("needs a dict, not {}", type_name(args[0]));
  std::string out;
  for (const auto& [key, value] : args[0].dict().entries) {
    if (value.is_none() || value.is_undefined()) continue;
    if (!key.is_str() || key.text().find_first_of(" \t\n\r\f\v/>=") != std::string::npos)
      return invalid("a key is not the name of an attribute");
    TRY_LET(const std::string text, in.to_text(value));
    const bool markup = value.is_str() && value.str().markup;
    if (!out.empty()) out += ' ';
    out += escaped(key.text()) + "=\"" + (markup ? text : escaped(text)) + "\"";
    TRY(in.reserve(out.size()));
  }
  const bool spaced = (!args.has(1) || args.flag(1)) && !out.empty();
  return in.heap().str((spaced ? " " : "") + out);
}

constexpr Builtin kMarkupFilters[] = {
    {"safe", filter_safe, 1, {"value"}},
    {"e", filter_escape, 1, {"s"}},
    {"escape", filter_escape, 1, {"s"}},
    {"forceescape", filter_forceescape, 1, {"value"}},
    {"urlencode", filter_urlencode, 1, {"value"}},
    {"xmlattr", filter_xmlattr, 1, {"d", "autospace"}},
};

}  // namespace

Table markup_filters() { return kMarkupFilters; }

}  // namespace hearth::text::jinja
