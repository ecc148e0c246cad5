// SPDX-License-Identifier: MIT
#include "sample/grammar/local_mask.h"

#include <algorithm>
#include <array>

#include "sample/grammar/builder.h"

namespace hearth::sample {
namespace {

void set_bits(std::span<uint64_t> mask, std::span<const int32_t> ids) {
  for (const int32_t id : ids) mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
}

void unite(std::span<uint64_t> mask, std::span<const uint64_t> more) {
  for (size_t i = 0; i < mask.size(); ++i) mask[i] |= more[i];
}

}  // namespace

class LocalMask::Walk {
 public:
  Walk(const Automaton& automaton, uint32_t state, Pushdown& pushdown, StateLoops& loops,
       LocalMask& made)
      : automaton_(automaton),
        table_(made.table_),
        rule_(automaton.rules[automaton.states[state].rule]),
        pushdown_(pushdown),
        loops_(loops),
        made_(made),
        places_(table_.max_depth() + 1) {}

  void run(uint32_t state) {
    const StateLoop& loop = loops_.of(state);
    if (loop.tokens && ends_outside(loop)) {
      made_.loop_ = loop.tokens;
      leave_loop(at_state(state), at_state(loop.home), loop.accepts);
    } else {
      walk_below(0, at_state(state));
    }
  }

 private:
  // In a counted rule: a state, and how often it was complete. In others: a position.
  struct Place {
    uint32_t state = 0;
    Position position = kDead;
    uint32_t count = 0;
  };

  // Where the rule may end inside of a loop and go on with a byte of the loop, what leaves the rule
  // is not only what leaves the loop.
  bool ends_outside(const StateLoop& loop) const {
    return !loop.accepts || (loop.tokens->begins() & rule_.follow).none();
  }

  Place at_state(uint32_t state) {
    const auto is_apart = [this](uint32_t rule) { return loops_.is_apart(rule); };
    return {state, rule_.is_counted ? kDead : pushdown_.at_state(state, is_apart), 0};
  }

  // A token that leaves the loop by its first byte has not been in it.
  void leave_loop(const Place& start, const Place& home, bool may_end) {
    for (size_t i = 0; i < 256; ++i) {
      const auto byte = static_cast<uint8_t>(i);
      const auto leaves = made_.loop_->leaves(byte);
      if (leaves.empty()) continue;
      Place by_start = start;
      Place by_home = home;
      const bool may_start = step(by_start, byte);
      const bool may_leave = step(by_home, byte);
      const bool is_exit = may_end && rule_.follow.test(byte);
      for (const auto& [node, n_chars] : leaves) {
        const bool is_first = table_.depth(node) == 1;
        if (is_exit && !is_first) add_exit(byte, {node, n_chars});
        if (!(is_first ? may_start : may_leave)) continue;
        Place at = is_first ? by_start : by_home;
        if (rule_.is_counted) at.count += n_chars;
        if (enter(node, at)) walk_below(node, at);
      }
    }
  }

  // As if counted rules had no bounds: they call nothing, and each text of theirs is read in one
  // way only. False: `byte` may not come.
  bool step(Place& at, uint8_t byte) {
    if (!rule_.is_counted) {
      at.position = pushdown_.step(at.position, byte);
      return at.position != kDead;
    }
    const auto edges = automaton_.edges_of(at.state);
    const auto edge = std::find_if(edges.begin(), edges.end(),
                                   [byte](const ByteEdge& e) { return byte <= e.last; });
    if (edge == edges.end() || byte < edge->first) return false;
    at.state = edge->to;
    at.count += edge->completes ? 1 : 0;
    return true;
  }

  void walk_below(uint32_t top, const Place& from) {
    places_[table_.depth(top)] = from;
    const uint32_t end = table_.skip(top);
    for (uint32_t node = top + 1; node < end;) {
      const uint32_t depth = table_.depth(node);
      Place& at = places_[depth];
      at = places_[depth - 1];
      const bool goes_on = step(at, table_.byte(node)) && enter(node, at);
      node = goes_on ? node + 1 : table_.skip(node);
    }
  }

  // Takes the tokens at `node`. False: those below were taken as well.
  bool enter(uint32_t node, const Place& at) {
    const bool is_inside = rule_.is_counted && at.state - rule_.start > 1;
    const bool may_end = rule_.is_counted ? !is_inside : pushdown_.may_end(at.position);
    add_ids(table_.tokens(node), at.count + (is_inside ? 1 : 0));
    if (may_end) add_exits(node, at.count);
    if (rule_.is_counted || !loops_.keep_below(pushdown_, at.position, node)) return true;
    // With all of these taken, what may come after the rule adds nothing.
    add_ids(table_.tokens_below(node), 0);
    return false;
  }

  void add_ids(std::span<const int32_t> ids, uint32_t need) {
    if (ids.empty()) return;
    auto& by_need = made_.by_need_;
    if (by_need.size() <= need) by_need.resize(need + size_t{1});
    by_need[need].insert(by_need[need].end(), ids.begin(), ids.end());
  }

  void add_exits(uint32_t node, uint32_t count) {
    for (uint32_t child = node + 1; child < table_.skip(node); child = table_.skip(child)) {
      const uint8_t byte = table_.byte(child);
      if (rule_.follow.test(byte)) add_exit(byte, {child, count});
    }
  }

  void add_exit(uint8_t byte, Exit exit) {
    uint16_t& group = exit_of_[byte];
    if (group == 0) {
      made_.exits_.push_back({byte, {}});
      group = static_cast<uint16_t>(made_.exits_.size());
    }
    made_.exits_[group - size_t{1}].exits.push_back(exit);
  }

  const Automaton& automaton_;
  const TokenTable& table_;
  const AutomatonRule& rule_;
  Pushdown& pushdown_;
  StateLoops& loops_;
  LocalMask& made_;
  std::vector<Place> places_;            // by depth
  std::array<uint16_t, 256> exit_of_{};  // by byte: one more than the place in exits_
};

LocalMask::LocalMask(const Automaton& automaton, const TokenTable& table, uint32_t state,
                     Pushdown& pushdown, StateLoops& loops)
    : table_(table) {
  Walk(automaton, state, pushdown, loops, *this).run(state);
  size_t n = 0;
  for (const auto& ids : by_need_) n += ids.size();
  // Setting bits one by one costs about as much as this many words.
  if (n > table_.n_words() / 4) all_ = bits_of(by_need_.size());
  count_bytes();
}

void LocalMask::count_bytes() {
  bytes_ = sizeof(LocalMask) + all_.capacity() * sizeof(uint64_t);
  for (const auto& ids : by_need_) bytes_ += sizeof(ids) + ids.capacity() * sizeof(int32_t);
  for (const auto& [n, bits] : up_to_) bytes_ += bits.capacity() * sizeof(uint64_t);
  for (const ExitByte& byte : exits_) bytes_ += sizeof(byte) + byte.exits.capacity() * sizeof(Exit);
}

std::vector<uint64_t> LocalMask::bits_of(size_t n_needs) const {
  std::vector<uint64_t> bits(table_.n_words());
  for (size_t need = 0; need < n_needs; ++need) set_bits(bits, by_need_[need]);
  return bits;
}

void LocalMask::add_to(std::span<uint64_t> mask, uint32_t room) {
  if (loop_) add_loop(mask, room);
  const size_t n_needs = std::min<size_t>(by_need_.size(), size_t{room} + 1);
  if (all_.empty()) {
    for (size_t need = 0; need < n_needs; ++need) set_bits(mask, by_need_[need]);
    return;
  }
  if (n_needs == by_need_.size()) return unite(mask, all_);
  auto [place, is_new] = up_to_.try_emplace(n_needs);
  if (is_new) {
    place->second = bits_of(n_needs);
    count_bytes();
  }
  unite(mask, place->second);
}

// In a counted rule each element of a loop is one character.
void LocalMask::add_loop(std::span<uint64_t> mask, uint32_t room) const {
  const auto bits = loop_->bits();
  const auto rest = table_.long_tokens();
  if (room == 0) return;
  if (room >= (rest.empty() ? TokenTable::kMaxChars : rest.back().n_chars))
    return unite(mask, bits);
  const auto fits = table_.short_tokens(std::min(room, TokenTable::kMaxChars));
  for (size_t i = 0; i < mask.size(); ++i) mask[i] |= bits[i] & fits[i];
  for (const auto& [id, n_chars] : rest) {
    if (n_chars > room) return;
    const auto word = static_cast<size_t>(id) / 64;
    mask[word] |= bits[word] & uint64_t{1} << (id % 64);
  }
}

}  // namespace hearth::sample
