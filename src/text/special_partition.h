// SPDX-License-Identifier: MIT
// Cuts a text at the special tokens that it spells: longer tokens first, each from the left, none
// across another. One scan of the text finds where any could start, however many tokens there are.
// Thread rule: const after it is made.
#pragma once
#include <bitset>
#include <string_view>
#include <vector>

#include "text/flat_index.h"
#include "text/vocab.h"

namespace hearth::text {

// Either a special token with the text that it takes, or plain text (kNoToken). Borrowed.
struct Fragment {
  TokenId id = kNoToken;
  std::string_view text;
};

class SpecialPartition {
 public:
  SpecialPartition() = default;
  explicit SpecialPartition(const Vocab& vocab);

  // `parse_special` false: only user-defined tokens count, control tokens stay plain text.
  std::vector<Fragment> split(std::string_view text, bool parse_special, const Vocab& vocab) const;

  // Whether the text ends with the begin of a control token's spelling, so that what is joined to
  // it could complete one.
  bool ends_inside_control(std::string_view text, const Vocab& vocab) const;

 private:
  struct Taken {
    size_t begin;  // with the white space that the token swallows
    size_t end;
    TokenId id;
  };
  std::vector<Taken> find(std::string_view text, bool parse_special, const Vocab& vocab) const;
  std::vector<size_t> possible_starts(std::string_view text) const;

  std::vector<TokenId> ids_;     // longest text first
  FlatIndex index_;              // text → place in ids_
  std::vector<size_t> lengths_;  // longest first
  std::bitset<65536> starts_;    // first two bytes of any; a token of one byte sets all 256
};

}  // namespace hearth::text
