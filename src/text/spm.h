// SPDX-License-Identifier: MIT
// SentencePiece's BPE as Llama, Mistral and Gemma use it: neighbours are merged as long as their
// text is a token, the best score first; what is no token falls back to bytes ("<0x0A>").
// Source: Kudo and Richardson 2018 (arXiv:1808.06226), and llama.cpp's reading of it.
// Thread rule: const after it is made.
#pragma once
#include <array>
#include <string_view>
#include <vector>

#include "text/vocab.h"

namespace hearth::text {

class Spm {
 public:
  // `unknown`, a token of `vocab`, stands for bytes that have no token.
  Spm(const Vocab& vocab, TokenId unknown);

  // Appends the ids of `text`, whose spaces are already U+2581. `vocab` is that of the constructor.
  void encode(std::string_view text, const Vocab& vocab, std::vector<TokenId>& out) const;

 private:
  std::array<TokenId, 256> byte_ids_ = {};
};

}  // namespace hearth::text
