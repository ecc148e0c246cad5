// SPDX-License-Identifier: MIT
// The vocabulary as a tree of bytes: all tokens that begin alike are found together, so a grammar
// refuses thousands of them by one byte. Made once per model (about 0.1 s and 20 bytes per byte of
// the vocabulary's texts).
// Special tokens stand in it under special_spelling(their text), so that a grammar has to name
// them; user-defined tokens stand in it both ways. Tokens that end a generation, that have no text,
// or that hold bytes of that spelling as plain text are not in it.
// Thread rule: immutable, but for the loops that it keeps, behind a lock.
#pragma once
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sample/grammar/loop_tokens.h"
#include "text/tokenizer.h"

namespace hearth::sample {

class TokenTable {
 public:
  // The texts that tokens add to an answer, by id; empty: never allowed.
  struct Piece {
    std::string text;
    std::string special;  // the special token's text, where it may also be named as one
  };
  static std::shared_ptr<const TokenTable> make(const text::Tokenizer& tokenizer);
  static std::shared_ptr<const TokenTable> make(std::span<const Piece> pieces,
                                                std::vector<int32_t> end_of_generation);

  size_t n_vocab() const { return spelling_at_.size() - 1; }
  size_t n_words() const { return (n_vocab() + 63) / 64; }  // of a mask
  const std::vector<int32_t>& end_of_generation() const { return end_of_generation_; }
  bool ends_generation(int32_t id) const;
  // The ways in which a token is spelled: its text, its special spelling, both or none.
  std::vector<std::string_view> spellings(int32_t id) const;

  // The tree in preorder: node 0 is the root; those below node i are i + 1 to skip(i) - 1.
  size_t n_nodes() const { return bytes_.size(); }
  uint8_t byte(uint32_t node) const { return bytes_[node]; }
  uint32_t depth(uint32_t node) const { return depths_[node]; }
  uint32_t skip(uint32_t node) const { return skips_[node]; }
  uint32_t height(uint32_t node) const { return heights_[node]; }  // of the tree below it
  size_t max_depth() const { return max_depth_; }
  // The tokens whose spelling ends at the node.
  std::span<const int32_t> tokens(uint32_t node) const {
    return {tokens_.data() + tokens_at_[node], tokens_.data() + tokens_at_[node + 1]};
  }
  // Those whose spelling goes on from there.
  std::span<const int32_t> tokens_below(uint32_t node) const {
    return {tokens_.data() + tokens_at_[node + 1], tokens_.data() + tokens_at_[skips_[node]]};
  }

  // The tokens for a loop; that of JSON strings is found when the table is made, the few that were
  // asked for last are kept. Any thread.
  std::shared_ptr<const LoopTokens> loop_tokens(const ByteLoop& loop) const;
  // A bit for each token whose text begins at most `n_chars` characters.
  // 1 <= n_chars <= kMaxChars.
  static constexpr uint32_t kMaxChars = 16;
  std::span<const uint64_t> short_tokens(uint32_t n_chars) const {
    return {short_.data() + (n_chars - 1) * n_words(), n_words()};
  }
  struct LongToken {
    int32_t id = 0;
    uint32_t n_chars = 0;
  };
  // The others, the shorter ones first.
  std::span<const LongToken> long_tokens() const { return long_; }

 private:
  TokenTable() = default;
  void build(std::vector<std::pair<std::string_view, int32_t>>& spellings);
  void find_heights();
  void sort_by_length(std::span<const Piece> pieces);

  std::vector<uint8_t> bytes_;
  std::vector<uint32_t> depths_, heights_, skips_, tokens_at_;
  std::vector<int32_t> tokens_;
  size_t max_depth_ = 0;
  std::vector<int32_t> end_of_generation_;  // sorted
  std::string all_spellings_;
  std::vector<std::pair<uint32_t, uint32_t>> cuts_;  // begin and end of each spelling
  std::vector<uint32_t> spelling_at_;                // by id: its first in cuts_
  std::vector<uint64_t> short_;                      // [kMaxChars, words]
  std::vector<LongToken> long_;
  mutable std::mutex loops_mutex_;
  mutable std::list<std::shared_ptr<const LoopTokens>> loops_;  // the last one asked for first
};

}  // namespace hearth::sample
