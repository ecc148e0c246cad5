// SPDX-License-Identifier: MIT
// GBNF, the notation for grammars that llama.cpp reads: rules `name ::= …`, choices `|`, groups,
// "literals", [classes], `.`, `* + ? {m} {m,} {m,n} {,n}`, special tokens `<text>`, comments `#`.
// The rule "root" is the answer. In: text of at most kMaxGrammarBytes. Errors name line and column.
// Source: the description in llama.cpp's grammars/README.md.
#pragma once
#include <memory>
#include <string_view>

#include "base/result.h"
#include "sample/grammar/builder.h"

namespace hearth::sample {

// What "root" matches; the text's rules are added to the builder.
Result<Expr> add_gbnf(GrammarBuilder& builder, std::string_view text);

Result<std::shared_ptr<const Grammar>> parse_gbnf(std::string_view text);

}  // namespace hearth::sample
