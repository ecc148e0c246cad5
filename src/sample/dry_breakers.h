// SPDX-License-Identifier: MIT
// Turns DRY's breaker texts into token sequences. A breaker may hide inside a token ("end.\n") or
// begin in one and go on in the next, so the whole vocabulary is searched once: a token that
// contains the text is a breaker by itself; a token whose end is a beginning of the text is one
// together with the tokens of the rest.
// In: texts, the vocabulary's pieces, its tokenizer. Out: sequences for SamplerModel::dry_breakers.
// Cost: one pass over all pieces per text, some milliseconds; made once per set of texts.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/function_ref.h"
#include "sample/dry.h"

namespace hearth::sample {

// `piece(id)`: the token's bytes as they appear in text; borrowed until the next call.
// `tokenize(text)`: without special tokens and without an added space. Empty texts are skipped.
// The tail after the first token is cut to 20 tokens, so that a long text cannot make the search in
// the history slow.
std::vector<TokenSequence> dry_breaker_sequences(
    const std::vector<std::string>& texts, size_t n_vocab,
    FunctionRef<std::string_view(int32_t)> piece,
    FunctionRef<std::vector<int32_t>(std::string_view)> tokenize);

}  // namespace hearth::sample
