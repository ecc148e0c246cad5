// SPDX-License-Identifier: MIT
#include "sample/grammar/compile.h"

#include <algorithm>
#include <queue>
#include <unordered_set>

#include "base/check.h"
#include "base/quote.h"
#include "sample/grammar/nfa.h"

namespace hearth::sample {
namespace {

// Which rules may match nothing: the end can be reached from the start by empty steps and by calls
// of such rules. Each of their calls then gets an empty step beside it.
void find_empty_rules(Nfa& nfa) {
  std::vector<uint32_t> rule_of_start(nfa.states.size(), kNoState), rule_of_end(rule_of_start);
  std::vector<std::vector<std::pair<uint32_t, uint32_t>>> waiting(nfa.rules.size());
  // A state is seen for the rule that it belongs to, so one flag each is enough.
  std::vector<bool> seen(nfa.states.size());
  std::vector<uint32_t> todo;
  const auto visit = [&](uint32_t state) {
    if (seen[state]) return;
    seen[state] = true;
    todo.push_back(state);
  };
  for (uint32_t i = 0; i < nfa.rules.size(); ++i) {
    rule_of_end[nfa.rules[i].end] = i;
    visit(nfa.rules[i].start);
  }
  while (!todo.empty()) {
    const uint32_t at = todo.back();
    todo.pop_back();
    if (const uint32_t rule = rule_of_end[at]; rule != kNoState) {
      nfa.rules[rule].may_be_empty = true;
      for (const auto& [from, to] : waiting[rule]) visit(to);
      waiting[rule].clear();
    }
    for (const uint32_t next : nfa.states[at].empties) visit(next);
    for (const CallEdge& call : nfa.states[at].calls) {
      if (nfa.rules[call.rule].may_be_empty) {
        visit(call.to);
      } else {
        waiting[call.rule].emplace_back(at, call.to);
      }
    }
  }
  for (NfaState& state : nfa.states) {
    for (const CallEdge& call : state.calls) {
      if (nfa.rules[call.rule].may_be_empty) state.empties.push_back(call.to);
    }
  }
}

// How many calls have to be open at once to get from each state to the end of its rule: the least
// over all ways (a shortest path whose length is its highest point). States without a way keep
// UINT32_MAX.
class Heights {
 public:
  explicit Heights(Nfa& nfa)
      : nfa_(nfa),
        back_(nfa.states.size()),
        back_calls_(nfa.states.size()),
        callers_(nfa.rules.size()),
        rule_of_start_(nfa.states.size(), kNoState) {}

  void run() {
    link();
    for (const NfaRule& rule : nfa_.rules) reach(rule.end, 0);
    while (!queue_.empty()) {
      const auto [height, at] = queue_.top();
      queue_.pop();
      if (height != nfa_.states[at].height) continue;
      for (const uint32_t before : back_[at]) reach(before, height);
      for (const auto& [from, rule] : back_calls_[at]) reach_call(from, rule, at);
      const uint32_t rule = rule_of_start_[at];
      if (rule == kNoState) continue;
      for (const auto& [from, to] : callers_[rule]) reach_call(from, rule, to);
    }
  }

 private:
  void link() {
    for (uint32_t i = 0; i < nfa_.rules.size(); ++i) rule_of_start_[nfa_.rules[i].start] = i;
    for (uint32_t i = 0; i < nfa_.states.size(); ++i) {
      const NfaState& state = nfa_.states[i];
      for (const uint32_t to : state.empties) back_[to].push_back(i);
      for (const ByteEdge& edge : state.edges) back_[edge.to].push_back(i);
      for (const CallEdge& call : state.calls) {
        back_calls_[call.to].emplace_back(i, call.rule);
        callers_[call.rule].emplace_back(i, call.to);
      }
    }
  }
  void reach(uint32_t state, uint32_t height) {
    uint32_t& known = nfa_.states[state].height;
    if (height >= known) return;
    known = height;
    queue_.emplace(height, state);
  }
  void reach_call(uint32_t from, uint32_t rule, uint32_t to) {
    const uint32_t inside = nfa_.states[nfa_.rules[rule].start].height;
    const uint32_t after = nfa_.states[to].height;
    if (inside == UINT32_MAX || after == UINT32_MAX) return;
    reach(from, std::max(inside + 1, after));
  }

  using Entry = std::pair<uint32_t, uint32_t>;
  Nfa& nfa_;
  std::vector<std::vector<uint32_t>> back_;
  std::vector<std::vector<std::pair<uint32_t, uint32_t>>> back_calls_, callers_;
  std::vector<uint32_t> rule_of_start_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
};

// Takes away the calls of rules that match no text of a byte or more: the automaton could only wait
// there for what never comes. Where such a rule may be empty, an empty step stands beside its
// calls.
void drop_silent_calls(Nfa& nfa) {
  const auto leads = [&](uint32_t state) { return nfa.states[state].height != UINT32_MAX; };
  std::vector<bool> has_text(nfa.rules.size()), seen(nfa.states.size());
  std::vector<std::vector<uint32_t>> callers(nfa.rules.size());
  std::vector<uint32_t> todo, found;
  const auto say_has_text = [&](uint32_t rule) {
    if (has_text[rule]) return;
    has_text[rule] = true;
    found.push_back(rule);
  };
  for (uint32_t rule = 0; rule < nfa.rules.size(); ++rule) {
    const auto visit = [&](uint32_t state) {
      if (seen[state] || !leads(state)) return;
      seen[state] = true;
      todo.push_back(state);
    };
    visit(nfa.rules[rule].start);
    while (!todo.empty()) {
      const NfaState& state = nfa.states[todo.back()];
      todo.pop_back();
      for (const uint32_t next : state.empties) visit(next);
      for (const ByteEdge& edge : state.edges) {
        if (leads(edge.to)) say_has_text(rule);
        visit(edge.to);
      }
      for (const CallEdge& call : state.calls) {
        if (leads(call.to)) callers[call.rule].push_back(rule);
        visit(call.to);
      }
    }
  }
  while (!found.empty()) {
    const uint32_t rule = found.back();
    found.pop_back();
    for (const uint32_t caller : callers[rule]) say_has_text(caller);
  }
  for (NfaState& state : nfa.states)
    std::erase_if(state.calls, [&](const CallEdge& call) { return !has_text[call.rule]; });
}

// The order of rules by "may begin with a call of": an error where they go in a circle, as such a
// rule would call itself for ever before anything has come.
class LeftOrder {
 public:
  explicit LeftOrder(const Nfa& nfa) : nfa_(nfa), marks_(nfa.rules.size()) {}

  Result<std::vector<uint32_t>> run() {
    std::vector<uint32_t> finished;
    for (uint32_t root = 0; root < nfa_.rules.size(); ++root) {
      if (marks_[root] != Mark::kNew) continue;
      enter(root);
      while (!stack_.empty()) {
        auto& [rule, first, i] = stack_.back();
        if (i == first.size()) {
          marks_[rule] = Mark::kDone;
          finished.push_back(rule);
          stack_.pop_back();
          continue;
        }
        const uint32_t next = first[i++];
        if (marks_[next] == Mark::kOpen) return circle(next);
        if (marks_[next] == Mark::kNew) enter(next);
      }
    }
    std::vector<uint32_t> order(finished.size());
    for (size_t i = 0; i < finished.size(); ++i)
      order[finished[i]] = static_cast<uint32_t>(finished.size() - 1 - i);
    return order;
  }

 private:
  enum class Mark : uint8_t { kNew, kOpen, kDone };
  struct Open {
    uint32_t rule;
    std::vector<uint32_t> first;  // rules that may be called first
    size_t i = 0;
  };

  void enter(uint32_t rule) {
    marks_[rule] = Mark::kOpen;
    std::vector<uint32_t> todo{nfa_.rules[rule].start}, first;
    while (!todo.empty()) {
      const NfaState& state = nfa_.states[todo.back()];
      todo.pop_back();
      for (const CallEdge& call : state.calls) first.push_back(call.rule);
      for (const uint32_t next : state.empties) {
        if (!visited_.insert(next).second) continue;
        todo.push_back(next);
      }
    }
    visited_.clear();
    std::sort(first.begin(), first.end());
    first.erase(std::unique(first.begin(), first.end()), first.end());
    stack_.push_back({rule, std::move(first)});
  }

  Failure circle(uint32_t rule) const {
    return with_hint(
        invalid("the rule {} is left recursive: it may call itself before anything was matched",
                quote(nfa_.rules[rule].name)),
        "write it as a repetition, or put what comes first before the call");
  }

  const Nfa& nfa_;
  std::vector<Mark> marks_;
  std::vector<Open> stack_;
  std::unordered_set<uint32_t> visited_;
};

// Puts the rules' automata one after the other.
class Assembly {
 public:
  explicit Assembly(const Nfa& nfa) : nfa_(nfa), made_(std::make_unique<Automaton>()) {}

  void add(uint32_t rule, const Dfa& dfa, uint32_t order) {
    const NfaRule& from = nfa_.rules[rule];
    const auto base = static_cast<uint32_t>(made_->states.size());
    made_->rules.push_back({.name = from.name,
                            .start = base,
                            .order = order,
                            .may_be_empty = from.may_be_empty,
                            .is_counted = from.is_counted,
                            .min = from.min,
                            .max = from.max,
                            .follow = {}});
    for (const DfaState& state : dfa) {
      made_->states.push_back(
          {.edges_begin = static_cast<uint32_t>(made_->edges.size()),
           .calls_begin = static_cast<uint32_t>(made_->calls.size()),
           .rule = rule,
           .height = state.height,
           .accepts = state.accepts,
           .only_accepts = state.accepts && state.edges.empty() && state.calls.empty()});
      for (ByteEdge edge : state.edges) {
        edge.to += base;
        made_->edges.push_back(edge);
      }
      for (CallEdge call : state.calls) {
        call.to += base;
        made_->calls.push_back(call);
      }
    }
  }

  std::unique_ptr<const Automaton> finish() {
    made_->states.push_back({.edges_begin = static_cast<uint32_t>(made_->edges.size()),
                             .calls_begin = static_cast<uint32_t>(made_->calls.size())});
    find_classes();
    find_follow();
    return std::move(made_);
  }

 private:
  void find_classes() {
    Bytes256 cuts;
    for (const ByteEdge& edge : made_->edges) {
      cuts.set(edge.first);
      if (edge.last < 255) cuts.set(edge.last + size_t{1});
    }
    for (size_t byte = 0; byte < 256; ++byte) {
      if (byte == 0 || cuts.test(byte)) made_->byte_of_class.push_back(static_cast<uint8_t>(byte));
      made_->class_of[byte] = static_cast<uint8_t>(made_->byte_of_class.size() - 1);
    }
  }

  // The bytes with which the rest of a rule may begin at `state`.
  Bytes256 first_of(uint32_t state, const std::vector<Bytes256>& first_of_rule) const {
    Bytes256 first;
    for (const ByteEdge& edge : made_->edges_of(state)) {
      for (size_t byte = edge.first; byte <= edge.last; ++byte) first.set(byte);
    }
    for (const CallEdge& call : made_->calls_of(state)) first |= first_of_rule[call.rule];
    return first;
  }

  void find_follow() {
    const size_t n_rules = made_->rules.size();
    std::vector<uint32_t> by_order(n_rules);
    for (uint32_t i = 0; i < n_rules; ++i) by_order[made_->rules[i].order] = i;
    std::vector<Bytes256> first(n_rules);
    for (size_t i = n_rules; i-- > 0;)
      first[by_order[i]] = first_of(made_->rules[by_order[i]].start, first);
    // Where a call ends its caller, what follows the caller follows the called rule too.
    std::vector<std::vector<uint32_t>> inherits(n_rules);
    for (uint32_t state = 0; state + 1 < made_->states.size(); ++state) {
      for (const CallEdge& call : made_->calls_of(state)) {
        made_->rules[call.rule].follow |= first_of(call.to, first);
        if (made_->states[call.to].accepts)
          inherits[made_->states[state].rule].push_back(call.rule);
      }
    }
    std::vector<uint32_t> todo(by_order);
    while (!todo.empty()) {
      const uint32_t rule = todo.back();
      todo.pop_back();
      for (const uint32_t heir : inherits[rule]) {
        const Bytes256 all = made_->rules[heir].follow | made_->rules[rule].follow;
        if (all == made_->rules[heir].follow) continue;
        made_->rules[heir].follow = all;
        todo.push_back(heir);
      }
    }
  }

  const Nfa& nfa_;
  std::unique_ptr<Automaton> made_;
};

}  // namespace

Result<std::unique_ptr<const Automaton>> compile(const GrammarBuilder& grammar, RuleId root) {
  TRY_LET(Nfa nfa, NfaBuilder(grammar).build(root));
  find_empty_rules(nfa);
  Heights(nfa).run();
  const NfaRule& whole = nfa.rules[0];
  if (nfa.states[whole.start].height == UINT32_MAX)
    return invalid("the grammar matches no text at all");
  if (nfa.states[whole.start].height > kMaxStackDepth)
    return over_limit("the shortest text needs rules nested more than {} deep", kMaxStackDepth);
  TRY_LET(const std::vector<uint32_t> order, LeftOrder(nfa).run());
  drop_silent_calls(nfa);
  Assembly assembly(nfa);
  SubsetWork work;
  for (uint32_t i = 0; i < nfa.rules.size(); ++i) {
    const NfaRule& rule = nfa.rules[i];
    if (rule.is_counted) {
      assembly.add(i, rule.loop, order[i]);
    } else {
      TRY_LET(const Dfa dfa, determinize(nfa, rule.start, rule.end, true, work));
      assembly.add(i, dfa, order[i]);
    }
  }
  return assembly.finish();
}

}  // namespace hearth::sample
