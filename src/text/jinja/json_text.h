// SPDX-License-Identifier: MIT
// Python's json.dumps, as the tojson filter of Hugging Face calls it.
#pragma once
#include <optional>
#include <string>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

struct JsonStyle {
  bool ensure_ascii = false;
  std::optional<std::string> indent;  // one level's indentation; absent: all on one line
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};

// Errors: a value that JSON lacks, nested too deeply, too large for the heap.
Result<std::string> to_json(Interpreter& in, const Value& value, const JsonStyle& style);

}  // namespace hearth::text::jinja
