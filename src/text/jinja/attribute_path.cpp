// SPDX-License-Identifier: MIT
#include "text/jinja/attribute_path.h"

#include <charconv>

#include "text/jinja/interpreter.h"

namespace hearth::text::jinja {
namespace {

Value path_part(Interpreter& in, std::string_view text) {
  int64_t index = 0;
  const bool digits = !text.empty() && text.find_first_not_of("0123456789") == text.npos;
  if (digits && std::from_chars(text.data(), text.data() + text.size(), index).ec == std::errc())
    return Value::integer(index);
  return in.heap().str(text);
}

}  // namespace

AttributePath::AttributePath(Interpreter& in, const Value& attribute,
                             std::optional<Value> otherwise)
    : otherwise_(otherwise) {
  if (attribute.is_none()) return;
  if (!attribute.is_str()) {
    parts_.push_back(attribute);
    return;
  }
  std::string_view rest = attribute.text();
  for (;;) {
    const size_t dot = rest.find('.');
    parts_.push_back(path_part(in, rest.substr(0, dot)));
    if (dot == std::string_view::npos) return;
    rest.remove_prefix(dot + 1);
  }
}

std::vector<AttributePath> AttributePath::several(Interpreter& in, const Value& attribute) {
  std::vector<AttributePath> paths;
  if (!attribute.is_str()) {
    paths.emplace_back(in, attribute);
    return paths;
  }
  std::string_view rest = attribute.text();
  for (;;) {
    const size_t comma = rest.find(',');
    paths.emplace_back(in, in.heap().str(rest.substr(0, comma)));
    if (comma == std::string_view::npos) return paths;
    rest.remove_prefix(comma + 1);
  }
}

Result<Value> AttributePath::get(Interpreter& in, const Value& item) const {
  Value value = item;
  for (const Value& part : parts_) {
    TRY_LET(value, in.item(value, part));
    if (value.is_undefined() && otherwise_) value = *otherwise_;
  }
  return value;
}

}  // namespace hearth::text::jinja
