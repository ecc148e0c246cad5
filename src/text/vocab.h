// SPDX-License-Identifier: MIT
// The table of tokens of a model file: text, score and kind by id, id by text. Texts borrow the
// metadata's bytes, so a Vocab must not outlive the mapped file that the metadata came from.
// Source: the GGUF specification, keys tokenizer.ggml.tokens, .scores, .token_type.
// Thread rule: const after it is read.
#pragma once
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "file/metadata.h"
#include "text/flat_index.h"

namespace hearth::text {

using TokenId = int32_t;
inline constexpr TokenId kNoToken = -1;

// Kinds of tokens, as bits: a token that only looks like a control token gets that bit added.
enum TokenKind : uint16_t {
  kUndefinedToken = 0,
  kUnknownToken = 1 << 0,
  kUnusedToken = 1 << 1,
  kNormalToken = 1 << 2,
  kControlToken = 1 << 3,
  kUserDefinedToken = 1 << 4,
  kByteToken = 1 << 5,
  kEatsSpaceBefore = 1 << 6,  // as a special token in a text it swallows white space around it
  kEatsSpaceAfter = 1 << 7,
};

class Vocab {
 public:
  // Errors name the key. A text that occurs twice is an error: its id would be a guess.
  static Result<Vocab> read(const file::Metadata& metadata);

  size_t size() const { return texts_.size(); }
  std::string_view text(TokenId id) const { return texts_[static_cast<size_t>(id)]; }
  float score(TokenId id) const { return scores_.empty() ? 0 : scores_[static_cast<size_t>(id)]; }
  uint16_t kinds(TokenId id) const { return kinds_[static_cast<size_t>(id)]; }
  bool is(TokenId id, uint16_t any_kind) const { return (kinds(id) & any_kind) != 0; }
  void set_kinds(TokenId id, uint16_t kinds) { kinds_[static_cast<size_t>(id)] = kinds; }
  bool contains(int64_t id) const { return id >= 0 && static_cast<uint64_t>(id) < size(); }

  // kNoToken where the vocabulary has no such text.
  TokenId find(std::string_view text) const { return find(text, hash_bytes(text)); }
  TokenId find(std::string_view text, uint64_t hash) const {
    const uint32_t i = index_.find(hash, [&](uint32_t k) { return texts_[k] == text; });
    return i == FlatIndex::kNone ? kNoToken : static_cast<TokenId>(i);
  }
  TokenId find_byte(uint8_t byte) const;  // "<0x0A>"

  size_t longest_text_bytes() const { return longest_text_bytes_; }

 private:
  Status read_texts(const file::Metadata& metadata);
  Status read_scores(const file::Metadata& metadata);
  Status read_kinds(const file::Metadata& metadata);
  Status build_index();

  std::vector<std::string_view> texts_;
  std::vector<float> scores_;
  std::vector<uint16_t> kinds_;
  FlatIndex index_;
  size_t longest_text_bytes_ = 0;
  std::deque<std::string> made_texts_;  // names of tokens whose text is empty
  file::MetaValue tokens_value_;        // keeps owned bytes alive
};

// The byte that "<0x0A>" stands for, or -1.
int byte_of_token_text(std::string_view text);

}  // namespace hearth::text
