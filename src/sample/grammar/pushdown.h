// SPDX-License-Identifier: MIT
// Follows a text through an automaton with a stack. A position is the set of all places where the
// text may be: each a state and the set of places to which its rule returns, which share what is
// below (a graph-structured stack: M. Tomita, 1986), so that an ambiguous grammar costs a set, not
// a list of all readings. Equal positions have equal numbers, and where each byte leads from a
// position is found once.
// One thread at a time.
#pragma once
#include <cstdint>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/function_ref.h"
#include "sample/grammar/automaton.h"

namespace hearth::sample {

using Position = uint32_t;
inline constexpr Position kDead = 0;  // the text is no beginning of an answer

using ReturnSet = uint32_t;
inline constexpr ReturnSet kTop = 0;  // below it is nothing: its return is the end of the text

class Pushdown {
 public:
  // The automaton must outlive it.
  explicit Pushdown(const Automaton& automaton);

  // Before the first byte of a text of the root.
  Position start();
  // In `state`, without anything known of what is below: popping it is the end of the text. What
  // begins with a call of a rule that `is_apart` is left out.
  Position at_state(uint32_t state, FunctionRef<bool(uint32_t)> is_apart);
  Position step(Position from, uint8_t byte) {
    const uint32_t known = rows_[from * n_classes_ + automaton_->class_of[byte]];
    return known != kUnknown ? known : find_step(from, automaton_->class_of[byte]);
  }
  // Where the text may be after what `returns` belongs to has ended.
  Position after(ReturnSet returns);

  bool may_end(Position at) const { return positions_[at].may_end; }
  bool can_go_on(Position at) const { return positions_[at].n_items > 0; }
  // Rules open at once.
  uint32_t depth(Position at) const { return positions_[at].depth; }

  struct Item {
    uint32_t state = 0;
    uint32_t count = 0;  // counted rules: how many are complete
    ReturnSet returns = kTop;
    bool operator==(const Item&) const = default;
  };
  std::span<const Item> items(Position at) const {
    return {items_.data() + positions_[at].first_item, positions_[at].n_items};
  }

  // The same position in a fresh one.
  Position copy_from(const Pushdown& other, Position at);
  size_t bytes() const;

 private:
  static constexpr uint32_t kUnknown = UINT32_MAX;
  struct Return {
    uint32_t to = 0;  // state; kEnd for the end of the text
    ReturnSet below = kTop;
    bool operator==(const Return&) const = default;
    auto operator<=>(const Return&) const = default;
  };
  struct Set {
    uint32_t first = 0, n = 0;
    uint32_t depth = 0;
  };
  struct Place {
    uint32_t first_item = 0, n_items = 0;
    uint32_t depth = 0;
    uint32_t need = 0;  // the depth that it takes to get to the end, at least
    bool may_end = false;
  };

  Position find_step(Position from, uint8_t byte_class);
  void begin();
  void take(const Item& item);
  void take_edge(const Item& item, uint8_t byte);
  void pop_all();
  bool is_full(const Item& item) const;
  bool can_move(const Item& item) const;
  void merge_equal();
  void call_all();
  void call_from(const Item& item);
  Position finish();
  bool accepts(const Item& item) const;
  uint32_t need(const Item& item) const;
  ReturnSet intern(std::vector<Return>& returns);
  ReturnSet united(std::span<const Item> same_place);
  std::span<const Return> returns_of(ReturnSet set) const {
    return {returns_.data() + sets_[set].first, sets_[set].n};
  }

  const Automaton* automaton_;
  size_t n_classes_;
  std::vector<Return> returns_;
  std::vector<Set> sets_;
  std::vector<Item> items_;
  std::vector<Place> positions_;
  std::vector<Position> rows_;  // [positions, classes]
  std::unordered_multimap<uint64_t, ReturnSet> set_index_;
  std::unordered_multimap<uint64_t, Position> position_index_;
  std::unordered_map<ReturnSet, Position> after_;

  // What find_step and its like work with.
  std::vector<Item> work_;
  std::vector<Return> scratch_;
  bool may_end_ = false;
  bool is_too_many_ = false;
  FunctionRef<bool(uint32_t)>* is_apart_ = nullptr;
  uint32_t limit_ = UINT32_MAX;             // places that need more depth are dropped
  std::vector<std::vector<Return>> calls_;  // by the called rule's order
  std::vector<uint32_t> called_;            // a heap of orders, the first one on top
  std::vector<uint32_t> rule_by_order_;
};

}  // namespace hearth::sample
