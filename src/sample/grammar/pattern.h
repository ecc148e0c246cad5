// SPDX-License-Identifier: MIT
// Regular expressions of JSON schemas (ECMA-262 without what is not regular) as parts of a grammar:
// what a JSON string holds that matches, written as JSON. Characters that JSON does not need
// escaped stand as they are.
// Not known, and errors: look-around, back-references, \b, \p{…}, and anchors inside of groups.
// \d, \w and \s are those of ASCII and, for \s, the spaces of Unicode.
// Source: ECMA-262, section "Patterns"; JSON Schema 2020-12, section 6.4 (patterns are not
// anchored).
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "sample/grammar/json_parts.h"

namespace hearth::sample {

struct Pattern {
  Expr text = 0;     // without quotes
  uint64_t min = 0;  // characters, at least
  uint64_t max = 0;  // at most; UINT64_MAX: any number
};

// Errors name the place in the pattern.
Result<Pattern> read_pattern(JsonParts& json, std::string_view pattern);

// The texts of a `format` that hearth writes; all of them are of the format, though some formats
// have more. kNotFound: no format of the specification; it says nothing then. kUnsupported: one
// that a grammar cannot say.
Result<Pattern> read_format(JsonParts& json, std::string_view format);

}  // namespace hearth::sample
