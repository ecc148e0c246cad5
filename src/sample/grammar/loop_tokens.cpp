// SPDX-License-Identifier: MIT
#include "sample/grammar/loop_tokens.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "sample/grammar/token_table.h"

namespace hearth::sample {
namespace {

// Letters in a loop, from which on it is worth to be found by itself.
constexpr int kLargeLoop = 16;

// The second byte of a character (the Unicode Standard, table 3-7), and how many come after it.
struct WideChar {
  uint8_t first = 0, last = 0;
  int n_more = 0;
  bool operator==(const WideChar&) const = default;
};

// What may be left of a character.
constexpr WideChar kInside[] = {{0x80, 0xBF, 0}, {0x80, 0xBF, 1}, {0xA0, 0xBF, 1}, {0x80, 0x9F, 1},
                                {0x90, 0xBF, 2}, {0x80, 0xBF, 2}, {0x80, 0x8F, 2}};

std::optional<WideChar> wide_char(uint8_t lead) {
  if (lead < 0xC2 || lead > 0xF4) return std::nullopt;
  if (lead < 0xE0) return WideChar{0x80, 0xBF, 0};
  if (lead < 0xF0) {
    return WideChar{lead == 0xE0 ? uint8_t{0xA0} : uint8_t{0x80},
                    lead == 0xED ? uint8_t{0x9F} : uint8_t{0xBF}, 1};
  }
  return WideChar{lead == 0xF0 ? uint8_t{0x90} : uint8_t{0x80},
                  lead == 0xF4 ? uint8_t{0x8F} : uint8_t{0xBF}, 2};
}

// Whether what is left of a character leads from `state` to `home`, and nothing else anywhere.
bool is_tail(const Automaton& automaton, uint32_t state, const WideChar& bytes, uint32_t home) {
  if (automaton.states[state].accepts || !automaton.calls_of(state).empty()) return false;
  int next = bytes.first;
  for (const ByteEdge& edge : automaton.edges_of(state)) {
    if (edge.first != next) return false;
    const bool leads_home =
        bytes.n_more == 0
            ? edge.to == home
            : edge.to != home && is_tail(automaton, edge.to, {0x80, 0xBF, bytes.n_more - 1}, home);
    if (!leads_home) return false;
    next = edge.last + 1;
  }
  return next == bytes.last + 1;
}

const ByteEdge* edge_by(std::span<const ByteEdge> edges, int byte) {
  for (const ByteEdge& edge : edges) {
    if (byte <= edge.last) return byte < edge.first ? nullptr : &edge;
  }
  return nullptr;
}

bool leads_wide_chars(const Automaton& automaton, uint32_t from, uint32_t home) {
  for (int lead = 0xC2; lead <= 0xF4; ++lead) {
    const ByteEdge* edge = edge_by(automaton.edges_of(from), lead);
    if (edge == nullptr || edge->to == home ||
        !is_tail(automaton, edge->to, *wide_char(static_cast<uint8_t>(lead)), home))
      return false;
  }
  return true;
}

ByteLoop what_leads(const Automaton& automaton, uint32_t from, uint32_t home) {
  ByteLoop loop;
  for (const ByteEdge& edge : automaton.edges_of(from)) {
    for (size_t byte = edge.first; byte <= edge.last && edge.to == home; ++byte)
      loop.bytes.set(byte);
  }
  loop.has_wide = leads_wide_chars(automaton, from, home);
  return loop;
}

bool is_large(const Bytes256& bytes) {
  int n_letters = 0;
  for (size_t letter = 'a'; letter <= 'z'; ++letter)
    n_letters += bytes.test(letter) + bytes.test(letter - 'a' + 'A');
  return n_letters >= kLargeLoop;
}

StateLoop find_loop(const Automaton& automaton, const TokenTable& table, uint32_t state) {
  const auto edges = automaton.edges_of(state);
  const auto widest = std::max_element(edges.begin(), edges.end(), [](auto& a, auto& b) {
    return a.last - a.first < b.last - b.first;
  });
  if (widest == edges.end()) return {};
  const uint32_t home = widest->to;
  if (!automaton.calls_of(state).empty() || !automaton.calls_of(home).empty()) return {};
  const ByteLoop loop = what_leads(automaton, state, home);
  if (!is_large(loop.bytes)) return {};
  if (home != state && loop != what_leads(automaton, home, home)) return {};
  return {table.loop_tokens(loop), home, automaton.states[home].accepts};
}

// Bytes that lead from the same places of a character to the same ones, together.
class Kinds {
 public:
  explicit Kinds(const LoopTokens::Steps& steps) {
    std::map<std::array<uint8_t, LoopTokens::kBad>, uint8_t> known;
    for (size_t byte = 0; byte < 256; ++byte) {
      std::array<uint8_t, LoopTokens::kBad> column{};
      for (size_t place = 0; place < column.size(); ++place) column[place] = steps[place][byte];
      const auto [kind, is_new] = known.try_emplace(column, static_cast<uint8_t>(before_.size()));
      kind_of_[byte] = kind->second;
      if (is_new) before_.push_back(row_of(column));
    }
  }

  // The places from which `byte` leads to one of those in `after`; a bit each.
  uint8_t before(uint8_t byte, uint8_t after) const { return before_[kind_of_[byte]][after]; }

 private:
  static std::array<uint8_t, 256> row_of(const std::array<uint8_t, LoopTokens::kBad>& column) {
    std::array<uint8_t, 256> row{};
    for (size_t after = 0; after < 256; ++after) {
      for (size_t place = 0; place < column.size(); ++place) {
        const uint8_t next = column[place];
        const bool leads = next != LoopTokens::kBad && (after >> next & 1) != 0;
        row[after] = static_cast<uint8_t>(row[after] | (leads ? 1u : 0u) << place);
      }
    }
    return row;
  }

  std::array<uint8_t, 256> kind_of_{};
  std::vector<std::array<uint8_t, 256>> before_;  // by kind and `after`
};

}  // namespace

Bytes256 ByteLoop::begins() const {
  Bytes256 all = bytes;
  for (size_t byte = 0x80; byte < 256 && has_wide; ++byte) {
    if (wide_char(static_cast<uint8_t>(byte))) all.set(byte);
  }
  return all;
}

ByteLoop json_string_loop() {
  ByteLoop loop;
  loop.has_wide = true;
  for (size_t byte = 0x20; byte < 0x80; ++byte) loop.bytes.set(byte, byte != '"' && byte != '\\');
  return loop;
}

LoopTokens::LoopTokens(const TokenTable& table, const ByteLoop& loop)
    : loop_(loop), begins_(loop.begins()) {
  const Steps steps = steps_of(loop);
  find_kept(table, steps);
  find_tokens(table, steps);
}

LoopTokens::Steps LoopTokens::steps_of(const ByteLoop& loop) {
  Steps steps;
  for (auto& row : steps) row.fill(kBad);
  for (size_t i = 0; i < std::size(kInside); ++i) {
    const WideChar& rest = kInside[i];
    const auto next = static_cast<uint8_t>(rest.n_more);  // one or two more: kInside[0] and [1]
    for (size_t byte = rest.first; byte <= rest.last; ++byte) steps[i + 1][byte] = next;
  }
  for (size_t byte = 0; byte < 256; ++byte) {
    const auto wide = wide_char(static_cast<uint8_t>(byte));
    if (loop.bytes.test(byte)) {
      steps[kBoundary][byte] = kBoundary;
    } else if (loop.has_wide && wide) {
      const auto* inside = std::find(std::begin(kInside), std::end(kInside), *wide);
      steps[kBoundary][byte] = static_cast<uint8_t>(inside - kInside + 1);
    }
  }
  return steps;
}

// From the last node to the first, so that all below a node is known before it: the places in a
// character from which every text below stays in the loop, a bit each.
void LoopTokens::find_kept(const TokenTable& table, const Steps& steps) {
  const auto n_nodes = static_cast<uint32_t>(table.n_nodes());
  kept_.resize((n_nodes + size_t{63}) / 64);
  const Kinds kinds(steps);
  std::vector<uint8_t> below(table.max_depth() + 2, UINT8_MAX);  // of the children seen, by depth
  for (uint32_t node = n_nodes; node-- > 0;) {
    const uint32_t depth = table.depth(node);
    const uint8_t kept = std::exchange(below[depth + 1], UINT8_MAX);
    kept_[node / 64] |= uint64_t{kept & 1u} << (node % 64);  // kBoundary's
    below[depth] &= kinds.before(table.byte(node), kept);
  }
}

void LoopTokens::find_tokens(const TokenTable& table, const Steps& steps) {
  bits_.resize(table.n_words());
  const auto allow = [this](std::span<const int32_t> ids) {
    for (const int32_t id : ids) bits_[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  };
  struct Place {
    uint8_t inside = kBoundary;
    uint32_t n_chars = 0;
  };
  std::vector<Place> at(table.max_depth() + 1);
  const auto n_nodes = static_cast<uint32_t>(table.n_nodes());
  for (uint32_t node = 1; node < n_nodes;) {
    const uint32_t depth = table.depth(node);
    const Place from = at[depth - 1];
    const uint8_t next = steps[from.inside][table.byte(node)];
    if (next == kBad) {
      if (from.inside == kBoundary) leaves_[table.byte(node)].push_back({node, from.n_chars});
      node = table.skip(node);
      continue;
    }
    at[depth] = {next, from.n_chars + (from.inside == kBoundary ? 1u : 0u)};
    allow(table.tokens(node));
    const bool keeps_all = next == kBoundary && keeps_below(node);
    if (keeps_all) allow(table.tokens_below(node));
    node = keeps_all ? table.skip(node) : node + 1;
  }
  for (auto& leaves : leaves_) leaves.shrink_to_fit();
}

size_t LoopTokens::bytes() const {
  size_t all = sizeof(LoopTokens) + (bits_.capacity() + kept_.capacity()) * sizeof(uint64_t);
  for (const auto& leaves : leaves_) all += leaves.capacity() * sizeof(Leave);
  return all;
}

const StateLoop& StateLoops::of(uint32_t state) {
  const auto [place, is_new] = known_.try_emplace(state);
  if (is_new) {
    place->second = find_loop(automaton_, table_, state);
    bytes_ += sizeof(*place) + sizeof(void*);
    if (place->second.tokens) bytes_ += place->second.tokens->bytes();
  }
  return place->second;
}

bool StateLoops::keep_below(const Pushdown& pushdown, Position at, uint32_t node) {
  if (table_.skip(node) - node < kLargeTree) return false;
  for (const Pushdown::Item& item : pushdown.items(at)) {
    const AutomatonRule& rule = automaton_.rules[automaton_.states[item.state].rule];
    const bool is_bounded = rule.is_counted && rule.max != UINT32_MAX;
    if (is_bounded && rule.max - item.count < table_.height(node)) continue;
    const StateLoop& loop = of(item.state);
    if (loop.tokens && loop.tokens->keeps_below(node)) return true;
  }
  return false;
}

void StateLoops::clear() {
  known_.clear();
  bytes_ = 0;
}

}  // namespace hearth::sample
