// SPDX-License-Identifier: MIT
// The parts of JSON texts, for schemas and for tool calls. White space is bounded, so that a model
// cannot go on with it for ever: one space, or a line's end and an indentation, where people and
// models put it. Numbers are as long as they keep their value: integers of 18 digits, fractions of
// 15 and exponents of two.
#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sample/grammar/builder.h"

namespace hearth::sample {

// How values are written where a model's calls are not JSON.
struct Notation {
  std::string yes = "true", no = "false", nothing = "null";
  // In quotes, '<' is written as an escape: it could begin a tag's end.
  bool escapes_tags = false;
  // Texts are not in quotes but stand as they are, between `begin` and `end`.
  struct PlainText {
    Expr begin = 1, end = 1;
    std::vector<std::string> marks;  // do not stand in a text
  };
  std::optional<PlainText> plain_text;
};

class JsonParts {
 public:
  using Json = nlohmann::ordered_json;

  explicit JsonParts(GrammarBuilder& builder, Notation notation = {})
      : builder_(builder), notation_(std::move(notation)) {}
  GrammarBuilder& builder() { return builder_; }
  // Errors: a value or a name that the notation cannot write.
  const Status& status() const { return status_; }

  Expr any_value();
  Expr any_object();
  Expr any_array();
  Expr string(uint32_t min = 0, uint32_t max = kUnbounded);  // characters
  Expr integer();
  Expr number();
  Expr null() { return builder_.literal(notation_.nothing); }
  Expr boolean();

  // What stands around the inside of a string, and the name of a member.
  Expr quoted(Expr inside);
  Expr key(const std::string& name);
  // Any name but these.
  Expr other_key(std::vector<std::string> names);
  // One character of a string, as it is written there: all ways, or those of a set in one way each.
  Expr string_char();
  Expr chars(const CharSet& set);
  // A value as it stands, with white space where it may be. The depth of `value` is bounded.
  Expr literal(const Json& value);
  // {"key":value,…} and [item,…]: what is between the brackets, with its commas.
  Expr object(ListParts members);
  Expr array(ListParts items);
  Expr member(Expr key, Expr value);
  Expr space();

 private:
  Expr brackets(std::string_view open, ListParts list, std::string_view close);
  Expr hex(int n);
  Expr escaped_char();
  CharSet plain_chars() const;  // of a string
  Expr plain_string(uint32_t min, uint32_t max);
  Expr text_literal(const std::string& text);
  RuleId value_rule();

  GrammarBuilder& builder_;
  Notation notation_;
  Status status_;
  std::optional<Expr> space_, char_, integer_, number_, object_, array_;
  std::optional<RuleId> value_;
  std::map<std::pair<uint32_t, uint32_t>, Expr> strings_;
};

// Text of a JSON value; never throws.
std::string json_text(const nlohmann::ordered_json& value);

}  // namespace hearth::sample
