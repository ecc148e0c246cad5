// SPDX-License-Identifier: MIT
// JSON schemas (draft 2020-12) as grammars: every text of the grammar is valid against the schema.
// Not the other way round: members come in the schema's order, numbers and white space have bounds.
// What a grammar cannot say is an error that names the keyword and where it stands (a JSON
// pointer); nothing is dropped. docs/structured_output.md lists all keywords.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sample/grammar/json_parts.h"

namespace hearth::sample {

struct SchemaOptions {
  // An object with `properties` has no others, and an array with `prefixItems` no more, unless the
  // schema says which. false: they may have any, as the specification says.
  bool is_closed = true;
};

// For composing: what matches the schema, with its rules in the builder behind `json`.
Result<Expr> add_json_schema(JsonParts& json, const nlohmann::ordered_json& schema,
                             const SchemaOptions& options = {});

// A member of an object, alone: where arguments are not written as one object.
struct SchemaMember {
  std::string name;
  Expr value = 0;
  bool is_required = false;
  bool is_text = false;  // see text_members
};
struct SchemaMembers {
  std::vector<SchemaMember> listed;
  Expr others = 0;  // values of those that are not; never: there are none
};
// The members of an object of which `properties`, `required` and `additionalProperties` say all
// that is valid; empty: the schema is no such. Values of those that are listed as texts are written
// as `texts` does, which shares the builder with `json`.
Result<std::optional<SchemaMembers>> add_json_members(JsonParts& json, JsonParts& texts,
                                                      const nlohmann::ordered_json& schema);
// The names in `properties` whose values are texts and nothing else.
std::vector<std::string> text_members(const nlohmann::ordered_json& schema);

// The text of a schema, at most kMaxGrammarBytes of it.
Result<std::shared_ptr<const Grammar>> json_schema_grammar(std::string_view schema,
                                                           const SchemaOptions& options = {});
Result<std::shared_ptr<const Grammar>> json_schema_grammar(const nlohmann::ordered_json& schema,
                                                           const SchemaOptions& options = {});
// Any JSON object.
Result<std::shared_ptr<const Grammar>> json_object_grammar();

}  // namespace hearth::sample
