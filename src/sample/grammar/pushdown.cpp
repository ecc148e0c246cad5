// SPDX-License-Identifier: MIT
#include "sample/grammar/pushdown.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>

#include "sample/grammar/builder.h"
#include "sample/grammar/limits.h"
#include "text/flat_index.h"

namespace hearth::sample {
namespace {

constexpr uint32_t kEnd = UINT32_MAX;  // as a state to return to: the end of the text

template <class T>
uint64_t hash_of(const std::vector<T>& items) {
  return text::hash_bytes({reinterpret_cast<const char*>(items.data()), items.size() * sizeof(T)});
}

}  // namespace

Pushdown::Pushdown(const Automaton& automaton)
    : automaton_(&automaton),
      n_classes_(automaton.n_classes()),
      returns_{{kEnd, kTop}},
      sets_{{0, 1, 0}},
      positions_(1),
      rows_(n_classes_, kDead),
      calls_(automaton.rules.size()),
      rule_by_order_(automaton.rules.size()) {
  for (uint32_t i = 0; i < automaton.rules.size(); ++i)
    rule_by_order_[automaton.rules[i].order] = i;
}

Position Pushdown::start() {
  begin();
  const AutomatonRule& root = automaton_->rules[automaton_->root];
  may_end_ = root.may_be_empty;
  take({root.start, 0, kTop});
  return finish();
}

Position Pushdown::at_state(uint32_t state, FunctionRef<bool(uint32_t)> is_apart) {
  begin();
  take({state, 0, kTop});
  is_apart_ = &is_apart;
  const Position made = finish();
  is_apart_ = nullptr;
  return made;
}

Position Pushdown::after(ReturnSet returns) {
  const auto known = after_.find(returns);
  if (known != after_.end()) return known->second;
  begin();
  for (const Return& back : returns_of(returns)) {
    if (back.to == kEnd) {
      may_end_ = true;
    } else {
      take({back.to, 0, back.below});
    }
  }
  pop_all();
  const Position made = finish();
  after_.emplace(returns, made);
  return made;
}

Position Pushdown::find_step(Position from, uint8_t byte_class) {
  begin();
  const uint8_t byte = automaton_->byte_of_class[byte_class];
  limit_ = std::max(kMaxStackDepth, positions_[from].need);
  for (const Item& item : items(from)) take_edge(item, byte);
  pop_all();
  const Position made = finish();
  rows_[from * n_classes_ + byte_class] = made;
  return made;
}

void Pushdown::begin() {
  work_.clear();
  may_end_ = false;
  is_too_many_ = false;
  limit_ = UINT32_MAX;
}

void Pushdown::take(const Item& item) {
  if (work_.size() >= kMaxItems) {
    is_too_many_ = true;
    return;
  }
  if (std::find(work_.begin(), work_.end(), item) == work_.end()) work_.push_back(item);
}

// A counted rule that has all that it may have.
bool Pushdown::is_full(const Item& item) const {
  const AutomatonRule& rule = automaton_->rules[automaton_->states[item.state].rule];
  const bool is_between = item.state - rule.start <= 1;  // see counted_loop
  return rule.is_counted && is_between && item.count == rule.max;
}

bool Pushdown::can_move(const Item& item) const {
  if (automaton_->edges_of(item.state).empty() && automaton_->calls_of(item.state).empty())
    return false;
  return !is_full(item);
}

void Pushdown::take_edge(const Item& item, uint8_t byte) {
  const AutomatonRule& rule = automaton_->rules[automaton_->states[item.state].rule];
  if (is_full(item)) return;
  for (const ByteEdge& edge : automaton_->edges_of(item.state)) {
    if (byte > edge.last) continue;
    if (byte < edge.first) return;
    Item next{edge.to, item.count, item.returns};
    if (edge.completes && (rule.max != kUnbounded || next.count < rule.min)) ++next.count;
    take(next);
    return;
  }
}

bool Pushdown::accepts(const Item& item) const {
  const State& state = automaton_->states[item.state];
  if (!state.accepts) return false;
  const AutomatonRule& rule = automaton_->rules[state.rule];
  return !rule.is_counted || item.count >= rule.min;
}

void Pushdown::pop_all() {
  for (size_t i = 0; i < work_.size(); ++i) {
    if (!accepts(work_[i])) continue;
    const auto returns = returns_of(work_[i].returns);
    for (const Return& back : returns) {
      if (back.to == kEnd) {
        may_end_ = true;
      } else {
        take({back.to, 0, back.below});
      }
    }
  }
}

// Places with the same state become one, which returns to where any of them does.
void Pushdown::merge_equal() {
  const auto less = [](const Item& a, const Item& b) {
    return a.state != b.state   ? a.state < b.state
           : a.count != b.count ? a.count < b.count
                                : a.returns < b.returns;
  };
  std::sort(work_.begin(), work_.end(), less);
  size_t n = 0;
  for (size_t i = 0; i < work_.size();) {
    size_t end = i + 1;
    while (end < work_.size() && work_[end].state == work_[i].state &&
           work_[end].count == work_[i].count) {
      ++end;
    }
    Item merged = work_[i];
    if (end > i + 1) merged.returns = united({work_.data() + i, end - i});
    work_[n++] = merged;
    i = end;
  }
  work_.resize(n);
}

ReturnSet Pushdown::united(std::span<const Item> same_place) {
  scratch_.clear();
  for (const Item& item : same_place) {
    const auto returns = returns_of(item.returns);
    scratch_.insert(scratch_.end(), returns.begin(), returns.end());
  }
  return intern(scratch_);
}

void Pushdown::call_from(const Item& item) {
  for (const CallEdge& call : automaton_->calls_of(item.state)) {
    const uint32_t order = automaton_->rules[call.rule].order;
    std::vector<Return>& returns = calls_[order];
    if (returns.empty()) {
      called_.push_back(order);
      std::push_heap(called_.begin(), called_.end(), std::greater<>());
    }
    // Where nothing comes after the call, its end is the caller's: a list that is written as a
    // rule that calls itself at its end takes no stack.
    if (automaton_->states[call.to].only_accepts) {
      const auto below = returns_of(item.returns);
      returns.insert(returns.end(), below.begin(), below.end());
    } else {
      returns.push_back({call.to, item.returns});
    }
  }
}

// Rules in the order in which they may call each other first, so that all calls of a rule are
// known when it is entered.
void Pushdown::call_all() {
  for (const Item& item : work_) call_from(item);
  while (!called_.empty()) {
    std::pop_heap(called_.begin(), called_.end(), std::greater<>());
    const uint32_t order = called_.back();
    called_.pop_back();
    const uint32_t rule = rule_by_order_[order];
    if (is_apart_ != nullptr && (*is_apart_)(rule)) {
      calls_[order].clear();
      continue;
    }
    const Item item{automaton_->rules[rule].start, 0, intern(calls_[order])};
    calls_[order].clear();
    work_.push_back(item);
    call_from(item);
  }
}

// The depth at which the answer can end from here, at least.
uint32_t Pushdown::need(const Item& item) const {
  return sets_[item.returns].depth + automaton_->states[item.state].height;
}

Position Pushdown::finish() {
  if (is_too_many_) return kDead;
  std::erase_if(work_, [this](const Item& item) { return !can_move(item); });
  merge_equal();
  call_all();
  std::erase_if(work_, [this](const Item& item) { return need(item) > limit_; });
  if (work_.size() > kMaxItems || (work_.empty() && !may_end_)) return kDead;
  std::sort(work_.begin(), work_.end(), [](const Item& a, const Item& b) {
    return a.state != b.state ? a.state < b.state : a.count < b.count;
  });
  const uint64_t hash = hash_of(work_) + (may_end_ ? 1 : 0);
  const auto [first, last] = position_index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const auto known = items(it->second);
    if (positions_[it->second].may_end == may_end_ &&
        std::equal(known.begin(), known.end(), work_.begin(), work_.end()))
      return it->second;
  }
  Place place{.first_item = static_cast<uint32_t>(items_.size()),
              .n_items = static_cast<uint32_t>(work_.size()),
              .may_end = may_end_};
  place.need = may_end_ ? 0 : UINT32_MAX;
  for (const Item& item : work_) {
    place.depth = std::max(place.depth, sets_[item.returns].depth);
    place.need = std::min(place.need, need(item));
  }
  items_.insert(items_.end(), work_.begin(), work_.end());
  positions_.push_back(place);
  rows_.resize(rows_.size() + n_classes_, kUnknown);
  const auto made = static_cast<Position>(positions_.size() - 1);
  position_index_.emplace(hash, made);
  return made;
}

ReturnSet Pushdown::intern(std::vector<Return>& returns) {
  std::sort(returns.begin(), returns.end());
  returns.erase(std::unique(returns.begin(), returns.end()), returns.end());
  if (returns.size() == 1 && returns[0].to == kEnd) return kTop;
  const uint64_t hash = hash_of(returns);
  const auto [first, last] = set_index_.equal_range(hash);
  for (auto it = first; it != last; ++it) {
    const auto known = returns_of(it->second);
    if (std::equal(known.begin(), known.end(), returns.begin(), returns.end())) return it->second;
  }
  Set set{static_cast<uint32_t>(returns_.size()), static_cast<uint32_t>(returns.size()), 0};
  for (const Return& back : returns) set.depth = std::max(set.depth, sets_[back.below].depth + 1);
  returns_.insert(returns_.end(), returns.begin(), returns.end());
  sets_.push_back(set);
  const auto made = static_cast<ReturnSet>(sets_.size() - 1);
  set_index_.emplace(hash, made);
  return made;
}

// A set was made after those below it: in the order of their numbers, all is known when needed.
Position Pushdown::copy_from(const Pushdown& other, Position at) {
  if (at == kDead) return kDead;
  std::set<ReturnSet> needed;
  std::vector<ReturnSet> todo;
  const auto want = [&](ReturnSet set) {
    if (needed.insert(set).second) todo.push_back(set);
  };
  for (const Item& item : other.items(at)) want(item.returns);
  while (!todo.empty()) {
    const ReturnSet set = todo.back();
    todo.pop_back();
    for (const Return& back : other.returns_of(set)) want(back.below);
  }
  std::map<ReturnSet, ReturnSet> copies;
  for (const ReturnSet set : needed) {
    const auto theirs = other.returns_of(set);
    scratch_.assign(theirs.begin(), theirs.end());
    for (Return& back : scratch_) back.below = back.to == kEnd ? kTop : copies.at(back.below);
    copies[set] = intern(scratch_);
  }
  begin();
  may_end_ = other.may_end(at);
  // Items that were entered by a call are found again from those that call them.
  for (Item item : other.items(at)) {
    const State& state = automaton_->states[item.state];
    const bool is_entered =
        automaton_->rules[state.rule].start == item.state && state.rule != automaton_->root;
    item.returns = copies.at(item.returns);
    if (!is_entered) take(item);
  }
  return finish();
}

size_t Pushdown::bytes() const {
  constexpr size_t kIndexEntry = 48;  // about a node of the library's hash maps
  return returns_.capacity() * sizeof(Return) + sets_.capacity() * (sizeof(Set) + kIndexEntry) +
         items_.capacity() * sizeof(Item) +
         positions_.capacity() * (sizeof(Place) + 2 * kIndexEntry) +
         rows_.capacity() * sizeof(Position);
}

}  // namespace hearth::sample
