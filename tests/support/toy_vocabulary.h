// SPDX-License-Identifier: MIT
// Small vocabularies for toy models: every text has tokens. Decoders get byte-level BPE (256 bytes,
// a few merges, ChatML's special tokens and a template), encoders WordPiece (characters).
#pragma once
#include "base/result.h"
#include "file/metadata.h"

namespace hearth::test {

// Writes the tokenizer's keys; answers the number of tokens, `at_least` or more.
Result<int> add_toy_vocabulary(file::Metadata& metadata, bool word_piece, int at_least);

}  // namespace hearth::test
