// SPDX-License-Identifier: MIT
// How Python prints values: repr(), str() and the shortest text of a float.
#pragma once
#include <string>
#include <string_view>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

std::string float_repr(double value);
std::string str_repr(std::string_view text, bool ascii_only = false);
// Errors: nested deeper than kMaxValueDepth, larger than the heap allows.
Status append_repr(Interpreter& in, std::string& out, const Value& value, int depth = 0);

}  // namespace hearth::text::jinja
