// SPDX-License-Identifier: MIT
// JSON schemas (draft 2020-12) as grammars: every text of the grammar is valid against the schema.
// Not the other way round: members come in the schema's order, numbers and white space have bounds.
// What a grammar cannot say is an error that names the keyword and where it stands (a JSON
// pointer); nothing is dropped. docs/structured_output.md lists all keywords.
#pragma once
#include <memory>
#include <nlohmann/json.hpp>
#include <string_view>

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

// The text of a schema, at most kMaxGrammarBytes of it.
Result<std::shared_ptr<const Grammar>> json_schema_grammar(std::string_view schema,
                                                           const SchemaOptions& options = {});
Result<std::shared_ptr<const Grammar>> json_schema_grammar(const nlohmann::ordered_json& schema,
                                                           const SchemaOptions& options = {});
// Any JSON object.
Result<std::shared_ptr<const Grammar>> json_object_grammar();

}  // namespace hearth::sample
