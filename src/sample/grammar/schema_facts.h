// SPDX-License-Identifier: MIT
// What can be seen of a JSON schema without making a grammar of it: its types, where a reference
// leads, two schemas as one, and whether no value is valid against both.
#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::sample {

using SchemaJson = nlohmann::ordered_json;

enum SchemaType : uint8_t {
  kTypeNull = 1 << 0,
  kTypeBoolean = 1 << 1,
  kTypeInteger = 1 << 2,
  kTypeNumber = 1 << 3,  // with those that are integers
  kTypeString = 1 << 4,
  kTypeArray = 1 << 5,
  kTypeObject = 1 << 6,
  kAllTypes = (1 << 7) - 1,
};

// A schema and its place, as an error names it: "#/properties/a".
struct Schema {
  const SchemaJson* json = nullptr;
  std::string at;

  Schema below(std::string_view keyword) const;
  Schema below(std::string_view keyword, std::string_view name) const;
  Schema below(std::string_view keyword, size_t i) const;
};

template <class... Args>
Failure schema_error(ErrorCode code, const Schema& schema, std::string_view keyword,
                     fmt::format_string<Args...> format, Args&&... args) {
  return fail(code, "{}/{}: {}", schema.at, keyword,
              fmt::format(format, std::forward<Args>(args)...));
}

bool is_annotation(std::string_view keyword);  // says nothing about what is valid
bool is_known_keyword(std::string_view keyword);

// Bits of SchemaType. Without `type`: those that the other keywords are about, else all.
Result<uint8_t> types_of(const Schema& schema);
uint8_t type_of_value(const SchemaJson& value);
std::string_view type_name(uint8_t type);

// The number in a keyword that counts (minLength, maxItems, …), or what is given. Errors: no count.
Result<uint32_t> count_in(const Schema& schema, std::string_view keyword, uint32_t otherwise);

// The schema at "#/…" or "#name" in `root`.
Result<Schema> resolve(const SchemaJson& root, const Schema& from);

// Valid against both. Neither holds $ref, allOf, anyOf or oneOf. kUnsupported: where that needs
// more than a schema can say.
Result<SchemaJson> merged(const Schema& a, const Schema& b);

// True where it is certain that no text that is written for one is valid against the other.
bool are_exclusive(const SchemaJson& root, const Schema& a, const Schema& b, bool is_closed,
                   int depth = 0);

}  // namespace hearth::sample
