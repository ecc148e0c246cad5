// SPDX-License-Identifier: MIT
// The automaton before it is made deterministic: states with empty steps. Inner part of compile().
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "sample/grammar/automaton.h"
#include "sample/grammar/builder.h"

namespace hearth::sample {

inline constexpr uint32_t kNoState = UINT32_MAX;

struct NfaState {
  std::vector<uint32_t> empties;
  std::vector<ByteEdge> edges;
  std::vector<CallEdge> calls;
  uint32_t height = UINT32_MAX;  // see State; UINT32_MAX: leads nowhere
};

// A deterministic automaton of one rule; state 0 is its start, to which nothing leads.
struct DfaState {
  std::vector<ByteEdge> edges;
  std::vector<CallEdge> calls;
  bool accepts = false;
  uint32_t height = 0;
};
using Dfa = std::vector<DfaState>;

struct NfaRule {
  std::string name;
  uint32_t start = 0, end = 0;
  bool may_be_empty = false;
  bool is_counted = false;
  uint32_t min = 0, max = 0;
  Dfa loop;  // counted: see counted_loop
};

struct Nfa {
  std::vector<NfaState> states;
  std::vector<NfaRule> rules;  // those that are called, the root first
};

// Makes NFA states of expressions.
class NfaBuilder {
 public:
  explicit NfaBuilder(const GrammarBuilder& grammar);
  // The rules that can be reached from `root`.
  Result<Nfa> build(RuleId root);

 private:
  void find_inlined();
  uint32_t add_state();
  uint32_t rule_of(RuleId rule);
  Status build_rules();
  Status add(Expr expr, uint32_t from, uint32_t to);
  Status add_repeat(const ExprNode& node, uint32_t from, uint32_t to);
  Status add_list(const ListParts& list, uint32_t from, uint32_t to);
  Status add_list_part(const ListParts& list, Expr part, bool is_first, uint32_t from, uint32_t to);
  Status add_sequence(const ExprNode& node, uint32_t from, uint32_t to);
  void add_bytes(const std::string& bytes, uint32_t from, uint32_t to);
  void add_chars(const CharSet& set, uint32_t from, uint32_t to);
  Status add_until(const ExprNode& node, uint32_t from, uint32_t to);
  void add_without(const GrammarBuilder::WithoutText& text, uint32_t from, uint32_t to);
  void add_except(const GrammarBuilder::WithoutText& text, uint32_t from, uint32_t to);
  void link(uint32_t from, uint32_t to) { nfa_.states[from].empties.push_back(to); }
  Result<uint32_t> counted_rule(Expr part, uint32_t min, uint32_t max);
  Expr inlined(Expr part) const;
  bool may_be_empty(uint32_t start, uint32_t end) const;

  const GrammarBuilder& grammar_;
  Nfa nfa_;
  std::vector<bool> is_inlined_;
  std::vector<uint32_t> rule_of_;  // by RuleId: in nfa_.rules
  std::vector<RuleId> waiting_;    // rules that are called and not built yet
  size_t n_edges_ = 0;
  std::map<std::tuple<Expr, uint32_t, uint32_t>, uint32_t> counted_;
};

// What the subset construction may still do, over all rules, and its memory between them.
struct SubsetWork {
  size_t n_states = kMaxStates;
  size_t n_edges = kMaxEdges;
  size_t n_steps = 1u << 25;   // states looked at: well below a second
  std::vector<uint32_t> seen;  // by state of the NFA: the stamp of the closure that saw it last
  uint32_t stamp = 0;
};

// The rule from `start` to `end`. Empty steps are those of the NFA; a rule that may be empty has
// got one beside each of its calls. States whose height is UINT32_MAX are left out where
// `is_trimmed`.
Result<Dfa> determinize(const Nfa& nfa, uint32_t start, uint32_t end, bool is_trimmed,
                        SubsetWork& work);

// The loop around `part`, a deterministic automaton; empty where a text of the part is the
// beginning of another, so that counting would be ambiguous, and where there is nothing to count.
Dfa counted_loop(const Dfa& part);

}  // namespace hearth::sample
