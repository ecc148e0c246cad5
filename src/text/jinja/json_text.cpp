// SPDX-License-Identifier: MIT
#include "text/jinja/json_text.h"

#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/python_repr.h"
#include "text/jinja/sorting.h"
#include "text/jinja/unicode.h"

namespace hearth::text::jinja {
namespace {

class JsonWriter {
 public:
  JsonWriter(Interpreter& in, const JsonStyle& style) : in_(in), style_(style) {}
  std::string out;

  Status write(const Value& value, int depth) {
    if (depth > kMaxValueDepth) return over_limit("a value is nested too deeply for JSON");
    TRY(in_.step());
    TRY(in_.reserve(out.size()));
    switch (value.kind()) {
      case Kind::kNone:
        out += "null";
        return {};
      case Kind::kBool:
        out += value.as_bool() ? "true" : "false";
        return {};
      case Kind::kInt:
        out += fmt::format("{}", value.as_int());
        return {};
      case Kind::kFloat:
        out += real(value.as_double());
        return {};
      case Kind::kStr:
        string(value.text());
        return {};
      case Kind::kList:
      case Kind::kTuple:
        return list(value.items(), depth);
      case Kind::kDict:
        return dict(value.dict(), depth);
      default:
        return invalid("an object of type {} has no JSON form", type_name(value));
    }
  }

 private:
  static std::string real(double value) {
    if (std::isnan(value)) return "NaN";
    if (std::isinf(value)) return value > 0 ? "Infinity" : "-Infinity";
    return float_repr(value);
  }

  void string(std::string_view text) {
    out += '"';
    for (size_t at = 0; at < text.size();) {
      const char32_t c = decode_char(text, at);
      constexpr std::u32string_view kFrom = U"\"\\\n\r\t\f\b";
      constexpr std::string_view kTo = "\"\\nrtfb";
      if (const size_t i = kFrom.find(c); i != kFrom.npos) {
        out += '\\';
        out += kTo[i];
      } else if (c < 0x20 || (style_.ensure_ascii && c >= 0x7F && c < kIllFormed)) {
        escape(c);
      } else {
        append_char(out, c);
      }
    }
    out += '"';
  }

  void escape(char32_t c) {
    if (c < 0x10000) {
      out += fmt::format("\\u{:04x}", static_cast<uint32_t>(c));
    } else {
      const uint32_t rest = c - 0x10000;
      out += fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + (rest >> 10), 0xDC00 + (rest & 0x3FF));
    }
  }

  Status break_line(int depth) {
    if (!style_.indent) return {};
    TRY(in_.reserve(out.size() + style_.indent->size() * depth));
    out += '\n';
    for (int i = 0; i < depth; ++i) out += *style_.indent;
    return {};
  }

  Status list(const std::vector<Value>& items, int depth) {
    out += '[';
    for (size_t i = 0; i < items.size(); ++i) {
      if (i > 0) out += style_.item_separator;
      TRY(break_line(depth + 1));
      TRY(write(items[i], depth + 1));
    }
    if (!items.empty()) TRY(break_line(depth));
    out += ']';
    return {};
  }

  Status key(const Value& value) {
    switch (value.kind()) {
      case Kind::kStr:
        string(value.text());
        return {};
      case Kind::kNone:
      case Kind::kBool:
      case Kind::kInt:
      case Kind::kFloat:
        out += '"';
        TRY(write(value, 0));
        out += '"';
        return {};
      default:
        return invalid("a JSON key can't be of type {}", type_name(value));
    }
  }

  Status dict(const Dict& dict, int depth) {
    std::vector<const std::pair<Value, Value>*> entries;
    for (const auto& entry : dict.entries) entries.push_back(&entry);
    if (style_.sort_keys) {
      std::vector<Value> keys;
      for (const auto* entry : entries) keys.push_back(entry->first);
      TRY_LET(const std::vector<size_t> order, sorted_order(in_, keys, false));
      for (size_t i = 0; i < order.size(); ++i) entries[i] = &dict.entries[order[i]];
    }
    out += '{';
    for (size_t i = 0; i < entries.size(); ++i) {
      if (i > 0) out += style_.item_separator;
      TRY(break_line(depth + 1));
      TRY(key(entries[i]->first));
      out += style_.key_separator;
      TRY(write(entries[i]->second, depth + 1));
    }
    if (!entries.empty()) TRY(break_line(depth));
    out += '}';
    return {};
  }

  Interpreter& in_;
  const JsonStyle& style_;
};

}  // namespace

Result<std::string> to_json(Interpreter& in, const Value& value, const JsonStyle& style) {
  JsonWriter writer(in, style);
  TRY(writer.write(value, 0));
  return std::move(writer.out);
}

}  // namespace hearth::text::jinja
