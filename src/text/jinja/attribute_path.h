// SPDX-License-Identifier: MIT
// "user.address.0": the attribute argument that map, sort, groupby and others take.
#pragma once
#include <optional>
#include <vector>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

class AttributePath {
 public:
  AttributePath() = default;  // the item itself
  // `attribute`: text with dots, an integer, or none for the item itself.
  AttributePath(Interpreter& in, const Value& attribute, std::optional<Value> otherwise = {});
  // "a.b,c": one path per part, as sort takes them.
  static std::vector<AttributePath> several(Interpreter& in, const Value& attribute);
  Result<Value> get(Interpreter& in, const Value& item) const;

 private:
  std::vector<Value> parts_;
  std::optional<Value> otherwise_;  // in place of what is undefined
};

}  // namespace hearth::text::jinja
