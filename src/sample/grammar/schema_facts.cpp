// SPDX-License-Identifier: MIT
#include "sample/grammar/schema_facts.h"

#include <algorithm>
#include <array>
#include <limits>

#include "base/quote.h"
#include "sample/grammar/builder.h"
#include "sample/grammar/json_parts.h"

namespace hearth::sample {
namespace {

using Names = std::span<const std::string_view>;

constexpr std::string_view kAnnotations[] = {
    "$anchor",  "$comment",    "$defs",           "$dynamicAnchor",   "$id",
    "$schema",  "$vocabulary", "contentEncoding", "contentMediaType", "contentSchema",
    "default",  "definitions", "deprecated",      "description",      "example",
    "examples", "readOnly",    "title",           "writeOnly"};
constexpr std::string_view kObjectWords[] = {
    "additionalProperties", "maxProperties", "minProperties", "patternProperties",
    "properties",           "propertyNames", "required",      "unevaluatedProperties"};
constexpr std::string_view kArrayWords[] = {"items",       "maxItems",         "minItems",
                                            "prefixItems", "unevaluatedItems", "uniqueItems"};
constexpr std::string_view kStringWords[] = {"format", "maxLength", "minLength", "pattern"};
constexpr std::string_view kNumberWords[] = {"exclusiveMaximum", "exclusiveMinimum", "maximum",
                                             "minimum", "multipleOf"};
constexpr std::string_view kOtherWords[] = {"$ref", "allOf",    "anyOf", "const",
                                            "enum", "nullable", "oneOf", "type"};

bool is_in(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::string escaped(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '~')
      out += "~0";
    else if (c == '/')
      out += "~1";
    else if (static_cast<uint8_t>(c) < ' ' || static_cast<uint8_t>(c) > '~')
      out += '?';
    else
      out += c;
    if (out.size() > kMaxQuoted) break;
  }
  return out;
}

uint8_t type_named(std::string_view name) {
  constexpr std::string_view kNames[] = {"null",   "boolean", "integer", "number",
                                         "string", "array",   "object"};
  for (size_t i = 0; i < std::size(kNames); ++i) {
    if (kNames[i] == name) return static_cast<uint8_t>(1u << i);
  }
  return 0;
}

// An integer is a number too.
uint8_t both_types(uint8_t a, uint8_t b) {
  uint8_t both = a & b;
  if (((a & kTypeNumber) != 0 && (b & kTypeInteger) != 0) ||
      ((b & kTypeNumber) != 0 && (a & kTypeInteger) != 0)) {
    both |= kTypeInteger;
  }
  return both;
}

}  // namespace

Schema Schema::below(std::string_view keyword) const {
  return {&json->at(std::string(keyword)), fmt::format("{}/{}", at, escaped(keyword))};
}
Schema Schema::below(std::string_view keyword, std::string_view name) const {
  return {&json->at(std::string(keyword)).at(std::string(name)),
          fmt::format("{}/{}/{}", at, escaped(keyword), escaped(name))};
}
Schema Schema::below(std::string_view keyword, size_t i) const {
  return {&json->at(std::string(keyword)).at(i), fmt::format("{}/{}/{}", at, escaped(keyword), i)};
}

bool is_annotation(std::string_view keyword) {
  return is_in(kAnnotations, keyword) || keyword.starts_with("x-");
}

bool is_known_keyword(std::string_view keyword) {
  return is_annotation(keyword) || is_in(kObjectWords, keyword) || is_in(kArrayWords, keyword) ||
         is_in(kStringWords, keyword) || is_in(kNumberWords, keyword) ||
         is_in(kOtherWords, keyword);
}

uint8_t type_of_value(const SchemaJson& value) {
  if (value.is_null()) return kTypeNull;
  if (value.is_boolean()) return kTypeBoolean;
  if (value.is_number_integer()) return kTypeInteger;
  if (value.is_number()) return kTypeNumber;
  if (value.is_string()) return kTypeString;
  return value.is_array() ? kTypeArray : kTypeObject;
}

std::string_view type_name(uint8_t type) {
  constexpr std::array<std::string_view, 7> kNames{"null",   "boolean", "integer", "number",
                                                   "string", "array",   "object"};
  for (size_t i = 0; i < kNames.size(); ++i) {
    if (type == 1u << i) return kNames[i];
  }
  return "value";
}

Result<uint8_t> types_of(const Schema& schema) {
  const SchemaJson& json = *schema.json;
  uint8_t types = 0;
  if (const auto type = json.find("type"); type != json.end()) {
    const SchemaJson list = type->is_array() ? *type : SchemaJson::array({*type});
    for (const SchemaJson& one : list) {
      const uint8_t bit = one.is_string() ? type_named(one.get_ref<const std::string&>()) : 0;
      if (bit == 0)
        return schema_error(ErrorCode::kInvalid, schema, "type", "is no type or list of types");
      types |= bit;
    }
  } else {
    for (const auto& [keyword, value] : json.items()) {
      if (is_in(kObjectWords, keyword)) types |= kTypeObject;
      if (is_in(kArrayWords, keyword)) types |= kTypeArray;
      if (is_in(kStringWords, keyword)) types |= kTypeString;
      if (is_in(kNumberWords, keyword)) types |= kTypeNumber;
    }
    if (types == 0) return static_cast<uint8_t>(kAllTypes);
  }
  if (const auto nullable = json.find("nullable"); nullable != json.end()) {
    if (!nullable->is_boolean())
      return schema_error(ErrorCode::kInvalid, schema, "nullable", "is not true or false");
    if (nullable->get<bool>()) types |= kTypeNull;
  }
  return types;
}

Result<uint32_t> count_in(const Schema& schema, std::string_view keyword, uint32_t otherwise) {
  const auto found = schema.json->find(std::string(keyword));
  if (found == schema.json->end()) return otherwise;
  double value = -1;
  if (found->is_number()) value = found->get<double>();
  if (!(value >= 0) || value != static_cast<double>(static_cast<uint64_t>(value)))
    return schema_error(ErrorCode::kInvalid, schema, keyword, "is not a number of 0 or more");
  if (value > kMaxRepeats)
    return schema_error(ErrorCode::kLimit, schema, keyword, "is more than {}", kMaxRepeats);
  return static_cast<uint32_t>(value);
}

namespace {

// Of a URI fragment: %NN is a byte.
Result<std::string> unescaped(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    uint32_t code = 0;
    for (size_t k = 1; k <= 2; ++k) {
      const char c = i + k < text.size() ? text[i + k] : ' ';
      const char lower = static_cast<char>(c | 0x20);
      if (c >= '0' && c <= '9') {
        code = code * 16 + static_cast<uint32_t>(c - '0');
      } else if (lower >= 'a' && lower <= 'f') {
        code = code * 16 + static_cast<uint32_t>(lower - 'a' + 10);
      } else {
        return invalid("'%' is followed by two hexadecimal digits");
      }
    }
    out += static_cast<char>(code);
    i += 2;
  }
  return out;
}

const SchemaJson* step_into(const SchemaJson& at, std::string_view token) {
  std::string name;
  for (size_t i = 0; i < token.size(); ++i) {
    const bool is_escape = token[i] == '~' && i + 1 < token.size();
    if (is_escape && token[i + 1] == '0')
      name += '~';
    else if (is_escape && token[i + 1] == '1')
      name += '/';
    else {
      name += token[i];
      continue;
    }
    ++i;
  }
  if (at.is_object()) {
    const auto found = at.find(name);
    return found == at.end() ? nullptr : &*found;
  }
  if (!at.is_array() || name.empty() || name.size() > 9) return nullptr;
  size_t i = 0;
  for (const char c : name) {
    if (c < '0' || c > '9') return nullptr;
    i = i * 10 + static_cast<size_t>(c - '0');
  }
  return i < at.size() ? &at[i] : nullptr;
}

// The subschema with "$anchor": name. Without recursion; the depth of JSON is bounded anyway.
const SchemaJson* find_anchor(const SchemaJson& root, std::string_view name) {
  std::vector<const SchemaJson*> todo{&root};
  while (!todo.empty()) {
    const SchemaJson& at = *todo.back();
    todo.pop_back();
    if (at.is_object()) {
      const auto anchor = at.find("$anchor");
      if (anchor != at.end() && anchor->is_string() &&
          anchor->get_ref<const std::string&>() == name)
        return &at;
    }
    if (!at.is_structured()) continue;
    for (const SchemaJson& below : at) todo.push_back(&below);
  }
  return nullptr;
}

}  // namespace

Result<Schema> resolve(const SchemaJson& root, const Schema& from) {
  const SchemaJson& ref = from.json->at("$ref");
  if (!ref.is_string()) return schema_error(ErrorCode::kInvalid, from, "$ref", "is not a text");
  const std::string& text = ref.get_ref<const std::string&>();
  if (!text.starts_with("#"))
    return schema_error(ErrorCode::kUnsupported, from, "$ref",
                        "{} leads out of the schema: only '#…' is followed", quote(text));
  const auto fragment = unescaped(std::string_view(text).substr(1));
  const SchemaJson* found = fragment ? &root : nullptr;
  if (found != nullptr && !fragment->empty() && fragment->front() != '/') {
    found = find_anchor(root, *fragment);
  } else if (found != nullptr && !fragment->empty()) {
    std::string_view rest = std::string_view(*fragment).substr(1);
    for (bool is_last = false; !is_last && found != nullptr;) {
      const size_t slash = rest.find('/');
      is_last = slash == rest.npos;
      found = step_into(*found, rest.substr(0, slash));
      if (!is_last) rest.remove_prefix(slash + 1);
    }
  }
  if (found == nullptr)
    return schema_error(ErrorCode::kInvalid, from, "$ref", "{} leads nowhere", quote(text));
  return Schema{found, "#" + escaped(fragment->empty() ? "" : *fragment)};
}

namespace {

SchemaJson all_of(const SchemaJson& a, const SchemaJson& b) {
  if (a == b) return a;
  return {{"allOf", SchemaJson::array({a, b})}};
}

// What a schema says of a member that it does not list.
const SchemaJson* other_members(const SchemaJson& schema) {
  const auto found = schema.find("additionalProperties");
  return found == schema.end() ? nullptr : &*found;
}

SchemaJson properties_of(const SchemaJson& schema) {
  const auto found = schema.find("properties");
  return found != schema.end() && found->is_object() ? *found : SchemaJson::object();
}

void merge_properties(const SchemaJson& a, const SchemaJson& b, SchemaJson& out) {
  const SchemaJson of_a = properties_of(a);
  const SchemaJson of_b = properties_of(b);
  SchemaJson all = SchemaJson::object();
  const auto add = [&all](const std::string& name, const SchemaJson& own, const SchemaJson& others,
                          const SchemaJson* other_more) {
    const auto found = others.find(name);
    if (found != others.end())
      all[name] = all_of(own, *found);
    else
      all[name] = other_more == nullptr ? own : all_of(own, *other_more);
  };
  for (const auto& [name, schema] : of_a.items()) add(name, schema, of_b, other_members(b));
  for (const auto& [name, schema] : of_b.items()) {
    if (!of_a.contains(name)) add(name, schema, of_a, other_members(a));
  }
  if (a.contains("properties") || b.contains("properties")) out["properties"] = std::move(all);
}

SchemaJson common_values(const SchemaJson& a, const SchemaJson& b) {
  SchemaJson both = SchemaJson::array();
  for (const SchemaJson& value : a) {
    if (std::find(b.begin(), b.end(), value) != b.end()) both.push_back(value);
  }
  return both;
}

// enum, or const as a list of one; empty where there is neither.
SchemaJson values_of(const SchemaJson& schema) {
  SchemaJson values;
  if (const auto list = schema.find("enum"); list != schema.end() && list->is_array())
    values = *list;
  if (const auto one = schema.find("const"); one != schema.end())
    values = values.is_null() ? SchemaJson::array({*one})
                              : common_values(values, SchemaJson::array({*one}));
  return values;
}

SchemaJson type_list(uint8_t types) {
  SchemaJson list = SchemaJson::array();
  for (uint8_t bit = 1; bit != 0 && bit <= kTypeObject; bit = static_cast<uint8_t>(bit << 1)) {
    if ((types & bit) != 0) list.push_back(std::string(type_name(bit)));
  }
  return list;
}

Result<SchemaJson> merged_keyword(const Schema& a, const std::string& keyword,
                                  const SchemaJson& of_a, const SchemaJson& of_b) {
  if (of_a == of_b) return of_a;
  const auto number = [&](bool larger) -> Result<SchemaJson> {
    if (!of_a.is_number() || !of_b.is_number())
      return schema_error(ErrorCode::kInvalid, a, keyword, "is not a number");
    return (of_a.get<double>() > of_b.get<double>()) == larger ? of_a : of_b;
  };
  if (keyword.starts_with("min") || keyword == "exclusiveMinimum") return number(true);
  if (keyword.starts_with("max") || keyword == "exclusiveMaximum") return number(false);
  if (keyword == "items" || keyword == "additionalProperties" || keyword == "propertyNames")
    return all_of(of_a, of_b);
  if (keyword == "required" && of_a.is_array() && of_b.is_array()) {
    SchemaJson all = of_a;
    for (const SchemaJson& name : of_b) {
      if (std::find(all.begin(), all.end(), name) == all.end()) all.push_back(name);
    }
    return all;
  }
  return schema_error(ErrorCode::kUnsupported, a, keyword,
                      "two of them have to hold at once, which hearth cannot say");
}

}  // namespace

Result<SchemaJson> merged(const Schema& a, const Schema& b) {
  if (a.json->is_boolean() || b.json->is_boolean()) {
    const bool a_refuses = a.json->is_boolean() && !a.json->get<bool>();
    const bool b_refuses = b.json->is_boolean() && !b.json->get<bool>();
    if (a_refuses || b_refuses) return SchemaJson(false);
    return a.json->is_boolean() ? *b.json : *a.json;
  }
  TRY_LET(const uint8_t types_a, types_of(a));
  TRY_LET(const uint8_t types_b, types_of(b));
  SchemaJson all = SchemaJson::object();
  const bool has_array_words = a.json->contains("prefixItems") || b.json->contains("prefixItems");
  for (const auto& [keyword, value] : a.json->items()) {
    if (is_annotation(keyword) || keyword == "type" || keyword == "nullable") continue;
    const auto other = b.json->find(keyword);
    if (other == b.json->end()) {
      all[keyword] = value;
    } else if (keyword != "properties" && keyword != "enum" && keyword != "const") {
      TRY_LET(all[keyword], merged_keyword(a, keyword, value, *other));
    }
    if (has_array_words && (keyword == "items" || keyword == "prefixItems") &&
        (b.json->contains("items") || b.json->contains("prefixItems")))
      return schema_error(ErrorCode::kUnsupported, a, keyword,
                          "two of them have to hold at once, which hearth cannot say");
  }
  for (const auto& [keyword, value] : b.json->items()) {
    if (is_annotation(keyword) || keyword == "type" || keyword == "nullable") continue;
    if (!all.contains(keyword)) all[keyword] = value;
  }
  merge_properties(*a.json, *b.json, all);
  const SchemaJson values_a = values_of(*a.json);
  const SchemaJson values_b = values_of(*b.json);
  if (!values_a.is_null() && !values_b.is_null()) {
    all.erase("const");
    all["enum"] = common_values(values_a, values_b);
  }
  // A schema without `type` and without keywords of a type is about all of them.
  const bool has_types = types_a != kAllTypes || types_b != kAllTypes;
  if (has_types) all["type"] = type_list(both_types(types_a, types_b));
  return all;
}

bool are_exclusive(const SchemaJson& root, const Schema& a, const Schema& b, bool is_closed,
                   int depth) {
  if (depth > 16) return false;
  const auto followed = [&root](Schema schema) {
    for (int i = 0; i < 16 && schema.json->is_object() && schema.json->contains("$ref"); ++i) {
      auto next = resolve(root, schema);
      if (!next) break;
      schema = std::move(*next);
    }
    return schema;
  };
  const Schema x = followed(a);
  const Schema y = followed(b);
  if (!x.json->is_object() || !y.json->is_object()) return *x.json == false || *y.json == false;
  const SchemaJson values_x = values_of(*x.json);
  const SchemaJson values_y = values_of(*y.json);
  if (!values_x.is_null() && !values_y.is_null()) return common_values(values_x, values_y).empty();
  const auto types = [](const Schema& schema, const SchemaJson& values) {
    uint8_t all = 0;
    for (const SchemaJson& value : values) all |= type_of_value(value);
    if (!values.is_null()) return all;
    for (const char* word : {"$ref", "allOf", "anyOf", "oneOf"}) {
      if (schema.json->contains(word) && !schema.json->contains("type"))
        return static_cast<uint8_t>(kAllTypes);
    }
    return types_of(schema).value_or(static_cast<uint8_t>(kAllTypes));
  };
  const uint8_t types_x = types(x, values_x);
  const uint8_t types_y = types(y, values_y);
  const uint8_t both = both_types(types_x, types_y);
  if (both == 0) return true;
  if (both != kTypeObject) return false;
  const SchemaJson of_x = properties_of(*x.json);
  const SchemaJson of_y = properties_of(*y.json);
  const auto requires_one = [](const Schema& schema, const std::string& name) {
    const auto list = schema.json->find("required");
    return list != schema.json->end() && list->is_array() &&
           std::find(list->begin(), list->end(), SchemaJson(name)) != list->end();
  };
  for (const auto& [name, schema] : of_x.items()) {
    const auto other = of_y.find(name);
    if (other == of_y.end() || (!requires_one(x, name) && !requires_one(y, name))) continue;
    if (are_exclusive(root, {&schema, ""}, {&*other, ""}, is_closed, depth + 1)) return true;
  }
  // Each asks for a member that is never written for the other.
  const auto never_written = [&](const Schema& by, const SchemaJson& own, const Schema& asking) {
    if (own.empty() || by.json->contains("patternProperties") || by.json->contains("allOf") ||
        by.json->contains("anyOf") || by.json->contains("oneOf"))
      return false;
    const SchemaJson* more = other_members(*by.json);
    if (more != nullptr ? *more != false : !is_closed) return false;
    const auto list = asking.json->find("required");
    if (list == asking.json->end() || !list->is_array()) return false;
    return std::any_of(list->begin(), list->end(), [&](const SchemaJson& name) {
      return name.is_string() && !own.contains(name.get_ref<const std::string&>()) &&
             !requires_one(by, name.get_ref<const std::string&>());
    });
  };
  return never_written(x, of_x, y) && never_written(y, of_y, x);
}

}  // namespace hearth::sample
