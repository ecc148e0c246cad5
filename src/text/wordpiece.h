// SPDX-License-Identifier: MIT
// WordPiece as BERT uses it: text is cleaned, lower-cased and stripped of accents as the model
// asks, cut at white space, marks and Chinese characters; each word is covered from the left by the
// longest tokens. Token texts carry U+2581 where a word starts (BERT's "##" the other way round).
// Source: Devlin et al. 2018 (arXiv:1810.04805); the cleaning rules are those of its tokenizer.
// Thread rule: const after it is made.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/vocab.h"

namespace hearth::text {

struct WordPieceOptions {
  bool lower_case = true;
  bool strip_accents = true;
  TokenId unknown = kNoToken;  // stands for a word that tokens cannot cover
};

class WordPiece {
 public:
  static Result<WordPiece> make(const Vocab& vocab, const WordPieceOptions& options);

  // Appends the ids of `text`, which holds no special tokens. `vocab` is the one of make().
  void encode(std::string_view text, const Vocab& vocab, std::vector<TokenId>& out) const;

 private:
  std::vector<std::string> words(std::string_view text) const;

  WordPieceOptions options_;
  std::vector<uint32_t> lengths_;  // of token texts, longest first
};

}  // namespace hearth::text
