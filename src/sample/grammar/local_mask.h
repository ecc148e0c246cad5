// SPDX-License-Identifier: MIT
// The part of a mask that one state of an automaton decides alone, with the rules that it calls but
// for those that are apart (StateLoops). Inner part of mask.h.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "sample/grammar/automaton.h"
#include "sample/grammar/loop_tokens.h"
#include "sample/grammar/pushdown.h"
#include "sample/grammar/token_table.h"

namespace hearth::sample {

class LocalMask {
 public:
  // A node of the vocabulary's tree to which a token gets by one byte after the end of the state's
  // rule.
  struct Exit {
    uint32_t node = 0;
    uint32_t count = 0;  // counted rules: how many more were complete at the end
  };
  struct ExitByte {
    uint8_t byte = 0;
    std::vector<Exit> exits;
  };

  // `pushdown` and `loops` are worked with; what they learn stays.
  LocalMask(const Automaton& automaton, const TokenTable& table, uint32_t state, Pushdown& pushdown,
            StateLoops& loops);

  // Adds the tokens that begin at most `room` further elements of a counted rule; of other rules
  // all. `mask`: a bit per token.
  void add_to(std::span<uint64_t> mask, uint32_t room);
  const std::vector<ExitByte>& exits() const { return exits_; }
  size_t bytes() const { return bytes_; }

 private:
  class Walk;  // finds what is in it
  void add_loop(std::span<uint64_t> mask, uint32_t room) const;
  void count_bytes();
  std::vector<uint64_t> bits_of(size_t n_needs) const;

  const TokenTable& table_;
  std::shared_ptr<const LoopTokens> loop_;     // tokens beside the others
  std::vector<std::vector<int32_t>> by_need_;  // tokens by the elements that they begin
  std::vector<uint64_t> all_;                  // empty where they are few
  std::map<size_t, std::vector<uint64_t>> up_to_;
  std::vector<ExitByte> exits_;
  size_t bytes_ = 0;
};

}  // namespace hearth::sample
