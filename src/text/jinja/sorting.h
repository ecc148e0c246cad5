// SPDX-License-Identifier: MIT
// Python's stable sort over values whose comparison may fail.
#pragma once
#include <vector>

#include "text/jinja/value.h"

namespace hearth::text::jinja {

class Interpreter;

// The indexes of the keys in ascending order (descending when `reverse`; equal keys keep their
// order either way). Errors: keys that have no order.
Result<std::vector<size_t>> sorted_order(Interpreter& in, const std::vector<Value>& keys,
                                         bool reverse);

}  // namespace hearth::text::jinja
