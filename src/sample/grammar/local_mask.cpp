// SPDX-License-Identifier: MIT
#include "sample/grammar/local_mask.h"

#include <algorithm>

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

LocalMask::LocalMask(const Automaton& automaton, const TokenTable& table, uint32_t state,
                     Pushdown& pushdown)
    : automaton_(automaton), table_(table), rule_(automaton.rules[automaton.states[state].rule]) {
  if (rule_.is_counted) {
    walk_counted(state);
  } else {
    walk(pushdown, state);
  }
  size_t n = 0;
  for (const auto& ids : by_need_) n += ids.size();
  // Setting bits one by one costs about as much as this many words.
  if (n > table_.n_words() / 4) all_ = bits_of(by_need_.size());
  std::sort(exits_.begin(), exits_.end(),
            [](const ExitByte& a, const ExitByte& b) { return a.byte < b.byte; });
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

void LocalMask::add_tokens(uint32_t node, uint32_t need) {
  const auto ids = table_.tokens(node);
  if (ids.empty()) return;
  if (by_need_.size() <= need) by_need_.resize(need + size_t{1});
  by_need_[need].insert(by_need_[need].end(), ids.begin(), ids.end());
}

void LocalMask::add_exits(uint32_t node, uint32_t count) {
  for (uint32_t child = node + 1; child < table_.skip(node); child = table_.skip(child)) {
    const uint8_t byte = table_.byte(child);
    if (!rule_.follow.test(byte)) continue;
    auto group = std::find_if(exits_.begin(), exits_.end(),
                              [byte](const ExitByte& known) { return known.byte == byte; });
    if (group == exits_.end()) group = exits_.insert(exits_.end(), ExitByte{byte, {}});
    group->exits.push_back({child, count});
  }
}

void LocalMask::walk(Pushdown& pushdown, uint32_t state) {
  std::vector<Position> at(table_.max_depth() + 1);
  at[0] = pushdown.at_state(state);
  const auto n_nodes = static_cast<uint32_t>(table_.n_nodes());
  for (uint32_t node = 1; node < n_nodes;) {
    const uint32_t depth = table_.depth(node);
    const Position next = pushdown.step(at[depth - 1], table_.byte(node));
    if (next == kDead) {
      node = table_.skip(node);
      continue;
    }
    at[depth] = next;
    add_tokens(node, 0);
    if (pushdown.may_end(next)) add_exits(node, 0);
    ++node;
  }
}

// As if there were no bounds: counted rules call nothing, and each text of theirs is read in one
// way only.
void LocalMask::walk_counted(uint32_t state) {
  struct Place {
    uint32_t state, count;
  };
  std::vector<Place> at(table_.max_depth() + 1);
  at[0] = {state, 0};
  const auto n_nodes = static_cast<uint32_t>(table_.n_nodes());
  for (uint32_t node = 1; node < n_nodes;) {
    const uint32_t depth = table_.depth(node);
    const Place from = at[depth - 1];
    const uint8_t byte = table_.byte(node);
    const auto edges = automaton_.edges_of(from.state);
    const auto edge = std::find_if(edges.begin(), edges.end(),
                                   [byte](const ByteEdge& e) { return byte <= e.last; });
    if (edge == edges.end() || byte < edge->first) {
      node = table_.skip(node);
      continue;
    }
    at[depth] = {edge->to, from.count + (edge->completes ? 1 : 0)};
    const bool is_inside = edge->to - rule_.start > 1;
    add_tokens(node, at[depth].count + (is_inside ? 1 : 0));
    if (!is_inside) add_exits(node, at[depth].count);
    ++node;
  }
}

}  // namespace hearth::sample
