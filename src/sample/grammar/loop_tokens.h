// SPDX-License-Identifier: MIT
// Where a text may go on as it likes (in a string, say, up to the quote), nearly all tokens are
// allowed, and which ones depends on nothing but the characters that may come there. So they are
// found once for those characters and a vocabulary, not for each such place of each grammar.
// Inner part of mask.h.
#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "sample/grammar/automaton.h"
#include "sample/grammar/pushdown.h"

namespace hearth::sample {

class TokenTable;

// Parts of the vocabulary's tree with fewer nodes are walked as fast as looked up.
inline constexpr uint32_t kLargeTree = 64;

// What leads from a state back to it, as a set of bytes and characters.
struct ByteLoop {
  Bytes256 bytes;
  bool has_wide = false;  // also all characters of several bytes, in UTF-8
  bool operator==(const ByteLoop&) const = default;

  Bytes256 begins() const;  // also the first bytes of those characters
};

// Inside of a JSON string: no quote, no escape, no control character.
ByteLoop json_string_loop();

// The tokens of a vocabulary for a loop. Immutable.
class LoopTokens {
 public:
  // A node of the vocabulary's tree that is the first one outside of the loop.
  struct Leave {
    uint32_t node = 0;
    uint32_t n_chars = 0;  // before it
  };
  // Where in a character a text is: between two, or inside of one, by what is left of it.
  // Where each byte leads from there; kBad: out of the loop.
  static constexpr uint8_t kBoundary = 0, kBad = 8;
  using Steps = std::array<std::array<uint8_t, 256>, kBad>;

  LoopTokens(const TokenTable& table, const ByteLoop& loop);

  const ByteLoop& loop() const { return loop_; }
  const Bytes256& begins() const { return begins_; }  // see ByteLoop
  // A bit for each token that stays in the loop; it may end inside of a character.
  std::span<const uint64_t> bits() const { return bits_; }
  // Those that leave it by `byte`, in the order of the tree.
  std::span<const Leave> leaves(uint8_t byte) const { return leaves_[byte]; }
  // A text that is in the loop at `node` stays there in all tokens below.
  bool keeps_below(uint32_t node) const { return (kept_[node / 64] >> (node % 64) & 1) != 0; }
  size_t bytes() const;

 private:
  static Steps steps_of(const ByteLoop& loop);
  void find_kept(const TokenTable& table, const Steps& steps);
  void find_tokens(const TokenTable& table, const Steps& steps);

  ByteLoop loop_;
  Bytes256 begins_;
  std::vector<uint64_t> bits_, kept_;
  std::array<std::vector<Leave>, 256> leaves_;
};

struct StateLoop {
  std::shared_ptr<const LoopTokens> tokens;  // null: no loop, or so small that it is not worth it
  uint32_t home = 0;                         // the state with the loop
  bool accepts = false;                      // the rule may end there
};

// The loops of an automaton's states on a vocabulary, found when they are asked for. A state that
// is left for one with a loop by the bytes of that loop has it too.
// One thread at a time.
class StateLoops {
 public:
  // Both must outlive it.
  StateLoops(const Automaton& automaton, const TokenTable& table)
      : automaton_(automaton), table_(table) {}

  // Valid until clear.
  const StateLoop& of(uint32_t state);
  // A rule that begins in a loop has masks of its own, which are no part of its callers' masks.
  bool is_apart(uint32_t rule) { return of(automaton_.rules[rule].start).tokens != nullptr; }
  // A text at that position stays in a loop in all tokens below the node. Not found for small
  // trees.
  bool keep_below(const Pushdown& pushdown, Position at, uint32_t node);
  void clear();
  size_t bytes() const { return bytes_; }

 private:
  const Automaton& automaton_;
  const TokenTable& table_;
  std::unordered_map<uint32_t, StateLoop> known_;
  size_t bytes_ = 0;
};

}  // namespace hearth::sample
