// SPDX-License-Identifier: MIT
// Text formatting: "%s and %(name)d" % values, and "{} and {name:>5}".format(...).
#pragma once
#include "text/jinja/builtin.h"
#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

// `format` is text; `args` a tuple, a dict, or one value.
Result<Value> percent_format(Interpreter& in, const Value& format, const Value& args);
Result<Value> brace_format(Interpreter& in, const Value& format, const CallArgs& args);

}  // namespace hearth::text::jinja
