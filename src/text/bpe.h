// SPDX-License-Identifier: MIT
// Byte-level byte-pair encoding: words of a splitter, merged pair by pair in the order of the
// vocabulary's merge list. Works on texts, not on ids, as the list does: a merge may lead through a
// text that is no token. Time O(n log n) in the length of a word.
// Source: Sennrich et al. 2016 (arXiv:1508.07909); the byte alphabet is GPT-2's.
// Thread rule: const after it is read.
#pragma once
#include <array>
#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/metadata.h"
#include "text/flat_index.h"
#include "text/pre_tokenizer.h"
#include "text/vocab.h"

namespace hearth::text {

// The merge list: rank by the pair of texts. Texts borrow the metadata's bytes.
class Merges {
 public:
  static constexpr uint32_t kNone = FlatIndex::kNone;

  static Result<Merges> read(const file::Metadata& metadata);
  uint32_t rank(std::string_view left, uint64_t left_hash, std::string_view right,
                uint64_t right_hash) const;
  size_t size() const { return pairs_.size(); }

 private:
  struct Pair {
    const char* text;  // left, a space, right
    uint32_t left_bytes;
    uint32_t right_bytes;
    std::string_view left() const { return {text, left_bytes}; }
    std::string_view right() const { return {text + left_bytes + 1, right_bytes}; }
  };
  std::vector<Pair> pairs_;
  FlatIndex index_;
  file::MetaValue value_;  // keeps owned bytes alive
};

class Bpe {
 public:
  static Result<Bpe> make(const file::Metadata& metadata, const PreTokenizer& pre,
                          const Vocab& vocab);

  // Appends the ids of `text`, which holds no special tokens. `vocab` is the one of make().
  void encode(std::string_view text, const Vocab& vocab, std::vector<TokenId>& out) const;

  bool is_raw_utf8() const { return pre_->is_raw_utf8; }
  // Bytes that no token stands for: encode drops them (a vocabulary's own defect).
  std::bitset<256> missing_bytes(const Vocab& vocab) const;

 private:
  class Merger;
  explicit Bpe(const PreTokenizer& pre) : pre_(&pre) {}

  const PreTokenizer* pre_;
  Merges merges_;
  std::array<TokenId, 256> byte_ids_ = {};  // for what no merge made a token, byte by byte
};

// The character that stands for `byte` in token texts (printable bytes stand for themselves).
std::string_view byte_character(uint8_t byte);
// The byte that a character of a token text stands for, or -1.
int byte_of_character(uint32_t code);

}  // namespace hearth::text
