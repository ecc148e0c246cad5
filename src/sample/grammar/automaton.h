// SPDX-License-Identifier: MIT
// A grammar's compiled form: for each rule a deterministic automaton over bytes whose states may
// also call rules. A call is a stack push; a rule that is through pops back to where it was called.
// A rule that is called has at least one byte: where it may match nothing, its callers know.
// A counted rule is a loop around something of which every text is no other's beginning (one
// character of a string, say): its states carry how often it was complete, so that "at most 10,000
// characters" does not take 10,000 states.
#pragma once
#include <array>
#include <bitset>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace hearth::sample {

using Bytes256 = std::bitset<256>;

struct ByteEdge {
  uint8_t first = 0, last = 0;  // both belong to it; edges of a state do not overlap
  bool completes = false;       // counted rules: one more is complete
  uint32_t to = 0;
};

struct CallEdge {
  uint32_t rule = 0;
  uint32_t to = 0;  // where it goes on after the rule
};

struct State {
  uint32_t edges_begin = 0, calls_begin = 0;  // up to those of the next state
  uint32_t rule = 0;
  uint32_t height = 0;        // calls that have to be open at once, at least, to get through
  bool accepts = false;       // the rule may end here
  bool only_accepts = false;  // and cannot go on
};

struct AutomatonRule {
  std::string name;
  uint32_t start = 0;  // no edge leads there
  uint32_t order = 0;  // a rule that may begin with a call of another stands before it
  bool may_be_empty = false;
  bool is_counted = false;
  uint32_t min = 0, max = 0;  // counted: how often; max may be kUnbounded
  Bytes256 follow;            // the bytes that may come after it
};

struct Automaton {
  std::vector<State> states;  // one more than there are, as the end of the last one's edges
  std::vector<ByteEdge> edges;
  std::vector<CallEdge> calls;
  std::vector<AutomatonRule> rules;
  uint32_t root = 0;
  // Bytes that no edge tells apart have the same class.
  std::array<uint8_t, 256> class_of{};
  std::vector<uint8_t> byte_of_class;  // one byte of each

  size_t n_classes() const { return byte_of_class.size(); }
  std::span<const ByteEdge> edges_of(uint32_t state) const {
    return {edges.data() + states[state].edges_begin, edges.data() + states[state + 1].edges_begin};
  }
  std::span<const CallEdge> calls_of(uint32_t state) const {
    return {calls.data() + states[state].calls_begin, calls.data() + states[state + 1].calls_begin};
  }
};

}  // namespace hearth::sample
