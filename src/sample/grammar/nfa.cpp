// SPDX-License-Identifier: MIT
#include "sample/grammar/nfa.h"

#include <algorithm>

#include "base/quote.h"
#include "sample/grammar/free_text.h"

namespace hearth::sample {
namespace {

// A rule without loops and with fewer states than this stands where it is called: a push of the
// stack costs more than its states. Rules with loops stay shared, as their masks are the large
// ones.
constexpr uint64_t kInlinedSize = 48;
constexpr uint32_t kInlinedDepth = 48;
// Repetitions that make fewer states than this are written out.
constexpr uint64_t kWrittenOut = 96;

struct Extent {
  uint64_t size = 0;
  uint32_t depth = 0;
};

// The rules that are called below `expr`. Bounded depth: see GrammarBuilder.
void collect_calls(const GrammarBuilder& grammar, Expr expr, std::vector<RuleId>& out) {
  const ExprNode& node = grammar.node(expr);
  if (!node.calls) return;
  if (node.kind == ExprKind::kRule) out.push_back(node.index);
  for (const Expr part : node.parts) collect_calls(grammar, part, out);
  if (node.kind != ExprKind::kUntil) return;
  for (const Trigger& trigger : grammar.until_of(node).triggers)
    collect_calls(grammar, trigger.then, out);
}

Status too_many_states() {
  return with_hint(over_limit("the grammar needs more than {} states", kMaxStates),
                   "make repetitions like {{m,n}} smaller, or leave bounds out");
}

}  // namespace

NfaBuilder::NfaBuilder(const GrammarBuilder& grammar)
    : grammar_(grammar), rule_of_(grammar.rules().size(), kNoState) {}

// Rules are looked at when all rules that they call have been: those in a circle never are.
void NfaBuilder::find_inlined() {
  const auto& rules = grammar_.rules();
  is_inlined_.assign(rules.size(), false);
  std::vector<std::vector<RuleId>> calls(rules.size()), callers(rules.size());
  std::vector<size_t> n_open(rules.size());
  std::vector<Extent> extents(rules.size());
  std::vector<RuleId> ready;
  for (RuleId rule = 0; rule < rules.size(); ++rule) {
    collect_calls(grammar_, rules[rule].body, calls[rule]);
    for (const RuleId called : calls[rule]) callers[called].push_back(rule);
    n_open[rule] = calls[rule].size();
    if (n_open[rule] == 0) ready.push_back(rule);
  }
  while (!ready.empty()) {
    const RuleId rule = ready.back();
    ready.pop_back();
    const ExprNode& body = grammar_.node(rules[rule].body);
    Extent extent{body.size, body.depth};
    bool can = !body.loops;
    for (const RuleId called : calls[rule]) {
      if (!is_inlined_[called]) continue;
      extent.size += extents[called].size;
      extent.depth = std::max(extent.depth, body.depth + extents[called].depth);
    }
    extents[rule] = extent;
    is_inlined_[rule] = can && extent.size <= kInlinedSize && extent.depth <= kInlinedDepth;
    for (const RuleId caller : callers[rule]) {
      if (--n_open[caller] == 0) ready.push_back(caller);
    }
  }
}

uint32_t NfaBuilder::add_state() {
  nfa_.states.emplace_back();
  return static_cast<uint32_t>(nfa_.states.size() - 1);
}

uint32_t NfaBuilder::rule_of(RuleId rule) {
  if (rule_of_[rule] == kNoState) {
    rule_of_[rule] = static_cast<uint32_t>(nfa_.rules.size());
    const uint32_t start = add_state();
    nfa_.rules.push_back({.name = grammar_.rules()[rule].name, .start = start, .end = add_state()});
    waiting_.push_back(rule);
  }
  return rule_of_[rule];
}

Result<Nfa> NfaBuilder::build(RuleId root) {
  find_inlined();
  rule_of(root);
  while (!waiting_.empty()) {
    const RuleId rule = waiting_.back();
    waiting_.pop_back();
    const NfaRule made = nfa_.rules[rule_of_[rule]];
    TRY(add(grammar_.rules()[rule].body, made.start, made.end));
  }
  return std::move(nfa_);
}

Status NfaBuilder::add(Expr expr, uint32_t from, uint32_t to) {
  if (nfa_.states.size() > kMaxStates || n_edges_ > kMaxEdges) return too_many_states();
  const ExprNode& node = grammar_.node(expr);
  switch (node.kind) {
    case ExprKind::kNever:
      return {};
    case ExprKind::kEmpty:
      link(from, to);
      return {};
    case ExprKind::kBytes:
      add_bytes(grammar_.bytes_of(node), from, to);
      return {};
    case ExprKind::kChars:
      add_chars(grammar_.chars_of(node), from, to);
      return {};
    case ExprKind::kSequence:
      return add_sequence(node, from, to);
    case ExprKind::kChoice:
      n_edges_ += node.parts.size();
      for (const Expr part : node.parts) TRY(add(part, from, to));
      return {};
    case ExprKind::kRepeat:
      return add_repeat(node, from, to);
    case ExprKind::kRule:
      if (is_inlined_[node.index]) return add(grammar_.rules()[node.index].body, from, to);
      nfa_.states[from].calls.push_back({});
      // In two steps, as a new rule makes states.
      {
        const uint32_t rule = rule_of(node.index);
        nfa_.states[from].calls.back() = {rule, to};
      }
      return {};
    case ExprKind::kUntil:
      return add_until(node, from, to);
    case ExprKind::kList:
      return add_list(grammar_.list_of(node), from, to);
    case ExprKind::kWithout:
      add_without(grammar_.without_of(node), from, to);
      return {};
    case ExprKind::kExcept:
      add_except(grammar_.without_of(node), from, to);
      return {};
  }
  return {};
}

Status NfaBuilder::add_list_part(const ListParts& list, Expr part, bool is_first, uint32_t from,
                                 uint32_t to) {
  if (is_first) return add(part, from, to);
  const uint32_t between = add_state();
  TRY(add(list.separator, from, between));
  return add(part, between, to);
}

// One row of states by the number of parts that came; the last stands for all higher numbers where
// there is no upper bound.
Status NfaBuilder::add_list(const ListParts& list, uint32_t from, uint32_t to) {
  const bool has_more = list.more != grammar_.never();
  const bool is_bounded = list.max != kUnbounded;
  uint32_t last = is_bounded ? list.max : std::max(1u, list.min);
  if (!has_more) last = std::min(last, static_cast<uint32_t>(list.parts.size()));
  if (last > kMaxStates) return too_many_states();
  const auto made = [this](uint32_t& state) {
    if (state == kNoState) state = add_state();
    return state;
  };
  std::vector<uint32_t> row(last + size_t{1}, kNoState);
  row[0] = from;
  for (size_t i = 0; i < list.parts.size(); ++i) {
    std::vector<uint32_t> next(row.size(), kNoState);
    for (uint32_t count = 0; count <= last; ++count) {
      if (row[count] == kNoState) continue;
      if (list.is_optional[i] && !list.is_prefix) link(row[count], made(next[count]));
      if (list.is_optional[i] && list.is_prefix && count >= list.min) link(row[count], to);
      if (is_bounded && count >= list.max) continue;
      uint32_t& after = next[std::min(count + 1, last)];
      TRY(add_list_part(list, list.parts[i], count == 0, row[count], made(after)));
    }
    row = std::move(next);
  }
  for (uint32_t count = 0; count <= last; ++count) {
    if (row[count] == kNoState) continue;
    if (count >= list.min) link(row[count], to);
    if (!has_more || (is_bounded && count >= list.max)) continue;
    uint32_t& after = row[std::min(count + 1, last)];
    TRY(add_list_part(list, list.more, count == 0, row[count], made(after)));
  }
  return {};
}

Status NfaBuilder::add_sequence(const ExprNode& node, uint32_t from, uint32_t to) {
  for (size_t i = 0; i < node.parts.size(); ++i) {
    const uint32_t next = i + 1 == node.parts.size() ? to : add_state();
    TRY(add(node.parts[i], from, next));
    from = next;
  }
  return {};
}

void NfaBuilder::add_bytes(const std::string& bytes, uint32_t from, uint32_t to) {
  n_edges_ += bytes.size();
  for (size_t i = 0; i < bytes.size(); ++i) {
    const uint32_t next = i + 1 == bytes.size() ? to : add_state();
    const auto byte = static_cast<uint8_t>(bytes[i]);
    nfa_.states[from].edges.push_back({byte, byte, false, next});
    from = next;
  }
}

// Ends of spellings are shared: most characters end in the same continuation bytes.
void NfaBuilder::add_chars(const CharSet& set, uint32_t from, uint32_t to) {
  std::map<std::tuple<uint8_t, uint8_t, uint32_t>, uint32_t> before;
  for_each_spelling(set, [&](std::span<const ByteRange> bytes) {
    uint32_t next = to;
    for (size_t i = bytes.size() - 1; i > 0; --i) {
      const auto [place, is_new] = before.try_emplace({bytes[i].first, bytes[i].last, next}, 0);
      if (is_new) {
        place->second = add_state();
        nfa_.states[place->second].edges.push_back({bytes[i].first, bytes[i].last, false, next});
        ++n_edges_;
      }
      next = place->second;
    }
    nfa_.states[from].edges.push_back({bytes[0].first, bytes[0].last, false, next});
    ++n_edges_;
  });
}

// Where a part is only the call of a rule that is put in place, what the rule is.
Expr NfaBuilder::inlined(Expr part) const {
  for (;;) {
    const ExprNode& node = grammar_.node(part);
    if (node.kind != ExprKind::kRule || !is_inlined_[node.index]) return part;
    part = grammar_.rules()[node.index].body;
  }
}

bool NfaBuilder::may_be_empty(uint32_t start, uint32_t end) const {
  std::vector<bool> seen(nfa_.states.size());
  std::vector<uint32_t> todo{start};
  while (!todo.empty()) {
    const uint32_t at = todo.back();
    todo.pop_back();
    if (at == end) return true;
    if (seen[at]) continue;
    seen[at] = true;
    todo.insert(todo.end(), nfa_.states[at].empties.begin(), nfa_.states[at].empties.end());
  }
  return false;
}

// Made deterministic at once, to see whether counting is sound. kNoState where it is not.
Result<uint32_t> NfaBuilder::counted_rule(Expr part, uint32_t min, uint32_t max) {
  const auto [place, is_new] = counted_.try_emplace({part, min, max}, kNoState);
  if (!is_new) return place->second;
  NfaBuilder inner(grammar_);
  inner.is_inlined_ = is_inlined_;
  const uint32_t start = inner.add_state();
  const uint32_t end = inner.add_state();
  TRY(inner.add(part, start, end));
  if (!inner.nfa_.rules.empty()) return kNoState;
  // What may be empty need not be there at all.
  if (inner.may_be_empty(start, end)) min = 0;
  SubsetWork work{.n_states = 1024, .n_edges = 1u << 14, .n_steps = 1u << 16, .seen = {}};
  const auto dfa = determinize(inner.nfa_, start, end, false, work);
  Dfa loop = dfa ? counted_loop(*dfa) : Dfa();
  if (loop.empty()) return kNoState;
  // One byte, or nothing, stand for the loop until it is put in.
  const uint32_t from = add_state();
  const uint32_t to = add_state();
  nfa_.states[from].edges.push_back({0, 0, false, to});
  if (min == 0) link(from, to);
  const auto rule = static_cast<uint32_t>(nfa_.rules.size());
  place->second = rule;
  nfa_.rules.push_back({.name = "a repetition",
                        .start = from,
                        .end = to,
                        .is_counted = true,
                        .min = min,
                        .max = max,
                        .loop = std::move(loop)});
  return rule;
}

Status NfaBuilder::add_repeat(const ExprNode& node, uint32_t from, uint32_t to) {
  const Expr part = inlined(node.parts[0]);
  const ExprNode& below = grammar_.node(part);
  const uint64_t copies = node.max == kUnbounded ? node.min + uint64_t{1} : node.max;
  if (!below.calls && !below.loops && copies > 2 && copies * below.size > kWrittenOut) {
    TRY_LET(const uint32_t rule, counted_rule(part, node.min, node.max));
    if (rule != kNoState) {
      nfa_.states[from].calls.push_back({rule, to});
      return {};
    }
  }
  for (uint32_t i = 0; i < node.min; ++i) {
    const uint32_t next = add_state();
    TRY(add(part, from, next));
    from = next;
  }
  if (node.max == kUnbounded) {
    const uint32_t loop = add_state();
    link(from, loop);
    TRY(add(part, loop, loop));
    link(loop, to);
    return {};
  }
  for (uint32_t i = node.min; i < node.max; ++i) {
    link(from, to);
    const uint32_t next = add_state();
    TRY(add(part, from, next));
    from = next;
  }
  link(from, to);
  return {};
}

Status NfaBuilder::add_until(const ExprNode& node, uint32_t from, uint32_t to) {
  TRY_LET(const FreeText text, FreeText::make(grammar_.until_of(node).triggers));
  std::vector<uint32_t> states(text.n_states());
  for (uint32_t& state : states) state = add_state();
  std::vector<uint32_t> after(text.n_triggers());
  for (size_t i = 0; i < after.size(); ++i) {
    after[i] = add_state();
    TRY(add(grammar_.until_of(node).triggers[i].then, after[i], to));
  }
  link(from, states[0]);
  for (uint32_t i = 0; i < states.size(); ++i) {
    if (node.may_end) link(states[i], to);
    for (const FreeText::Step& step : text.steps(i)) {
      const uint32_t next =
          step.trigger >= 0 ? after[static_cast<size_t>(step.trigger)] : states[step.to];
      nfa_.states[states[i]].edges.push_back({step.first, step.last, false, next});
      ++n_edges_;
    }
  }
  return {};
}

// A state for each beginning of a word that the text may end with: all characters but those that go
// on with a beginning lead back to none.
void NfaBuilder::add_without(const GrammarBuilder::WithoutText& text, uint32_t from, uint32_t to) {
  const WordSearch search(text.words);
  std::vector<uint32_t> states(search.n_states());
  for (uint32_t& state : states) state = add_state();
  link(from, states[0]);
  for (uint32_t i = 0; i < states.size(); ++i) {
    if (search.is_found(i)) continue;
    link(states[i], to);
    CharSet others = text.chars;
    for (const auto& [code, next] : search.steps(i)) {
      others = others.without(CharSet({{code, code}}));
      if (!search.is_found(next) && text.chars.has(code))
        add_chars(CharSet({{code, code}}), states[i], states[next]);
    }
    add_chars(others, states[i], states[0]);
  }
}

// A tree of the words' characters: where a text leaves it, it may be anything from there on; where
// it ends inside, it may not be a word.
void NfaBuilder::add_except(const GrammarBuilder::WithoutText& text, uint32_t from, uint32_t to) {
  const WordTree tree(text.words);
  const CharSet& plain = text.chars;
  const uint32_t other = add_state();
  add_chars(plain, other, other);
  link(other, to);
  std::vector<uint32_t> states(tree.n_nodes());
  for (uint32_t& state : states) state = add_state();
  link(from, states[0]);
  for (uint32_t i = 0; i < states.size(); ++i) {
    if (!tree.is_word(i)) link(states[i], to);
    CharSet children;
    for (const auto& [code, child] : tree.children(i)) {
      children.add(code, code);
      if (!plain.has(code)) continue;
      add_chars(CharSet({{code, code}}), states[i], states[child]);
    }
    add_chars(plain.without(children), states[i], other);
  }
}

}  // namespace hearth::sample
