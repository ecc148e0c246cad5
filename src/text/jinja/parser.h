// SPDX-License-Identifier: MIT
// Template text to a syntax tree. In: UTF-8 text of at most kMaxTemplateBytes. Out: an Ast whose
// depth is bounded, so that walking it needs a bounded stack. Errors name the line. Unknown filters
// and tests are errors here, or, inside `if` and inline if, only when they are reached, as in
// jinja2.
#pragma once
#include <memory>
#include <string_view>

#include "text/jinja/ast.h"

namespace hearth::text::jinja {

constexpr size_t kMaxTemplateBytes = 1 << 20;  // the longest real one is about 30 KiB
constexpr int kMaxNesting = 64;                // brackets in brackets, blocks in blocks
constexpr int kMaxExprDepth = 200;             // a chain like a + b + c is as deep as it is long

Result<std::unique_ptr<Ast>> parse(std::string_view source);

}  // namespace hearth::text::jinja
