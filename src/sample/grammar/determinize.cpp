// SPDX-License-Identifier: MIT
#include <algorithm>
#include <bitset>
#include <unordered_map>

#include "sample/grammar/nfa.h"
#include "text/flat_index.h"

namespace hearth::sample {
namespace {

struct SetHash {
  size_t operator()(const std::vector<uint32_t>& set) const {
    return text::hash_bytes(
        {reinterpret_cast<const char*>(set.data()), set.size() * sizeof(uint32_t)});
  }
};

class Subsets {
 public:
  Subsets(const Nfa& nfa, uint32_t end, bool is_trimmed, SubsetWork& work)
      : nfa_(nfa), end_(end), is_trimmed_(is_trimmed), work_(work) {
    work_.seen.resize(nfa.states.size());
  }

  Result<Dfa> run(uint32_t start) {
    dfa_.emplace_back();
    sets_.push_back(closure({start}));
    for (size_t i = 0; i < dfa_.size(); ++i) {
      const std::vector<uint32_t> set = sets_[i];
      fill(static_cast<uint32_t>(i), set);
      TRY(step_bytes(static_cast<uint32_t>(i), set));
      TRY(step_calls(static_cast<uint32_t>(i), set));
    }
    dfa_[0].accepts = false;  // see AutomatonRule::may_be_empty
    return std::move(dfa_);
  }

 private:
  void spend(size_t n) { work_.n_steps -= std::min(n, work_.n_steps); }

  bool leads_somewhere(uint32_t state) const {
    return !is_trimmed_ || nfa_.states[state].height != UINT32_MAX;
  }

  // All that can be reached by empty steps; states with nothing else are left out.
  std::vector<uint32_t> closure(const std::vector<uint32_t>& from) {
    ++work_.stamp;
    std::vector<uint32_t> todo, set;
    const auto visit = [&](uint32_t state) {
      if (work_.seen[state] == work_.stamp || !leads_somewhere(state)) return;
      work_.seen[state] = work_.stamp;
      todo.push_back(state);
    };
    for (const uint32_t state : from) visit(state);
    while (!todo.empty()) {
      const uint32_t at = todo.back();
      todo.pop_back();
      const NfaState& state = nfa_.states[at];
      spend(1 + state.empties.size());
      if (at == end_ || !state.edges.empty() || !state.calls.empty()) set.push_back(at);
      for (const uint32_t next : state.empties) visit(next);
    }
    std::sort(set.begin(), set.end());
    return set;
  }

  void fill(uint32_t i, const std::vector<uint32_t>& set) {
    dfa_[i].accepts = std::binary_search(set.begin(), set.end(), end_);
    uint32_t height = UINT32_MAX;
    for (const uint32_t state : set) height = std::min(height, nfa_.states[state].height);
    dfa_[i].height = height;
  }

  Result<uint32_t> number_of(const std::vector<uint32_t>& targets) {
    std::vector<uint32_t> set = closure(targets);
    if (set.empty()) return kNoState;
    const auto [place, is_new] = numbers_.try_emplace(set, static_cast<uint32_t>(dfa_.size()));
    if (!is_new) return place->second;
    spend(set.size());
    if (work_.n_states == 0 || work_.n_steps == 0) return too_complex();
    --work_.n_states;
    dfa_.emplace_back();
    sets_.push_back(std::move(set));
    return place->second;
  }

  Failure too_complex() const {
    return with_hint(over_limit("the grammar is too complex: more than {} states", kMaxStates),
                     "make choices begin differently, and repetitions like {{m,n}} smaller");
  }

  // The bytes are cut into intervals in which the same edges count.
  Status step_bytes(uint32_t i, const std::vector<uint32_t>& set) {
    std::bitset<257> cuts;
    for (const uint32_t state : set) {
      for (const ByteEdge& edge : nfa_.states[state].edges) {
        cuts.set(edge.first);
        cuts.set(edge.last + size_t{1});
      }
    }
    if (cuts.none()) return {};
    std::array<uint16_t, 257> interval{};
    std::vector<uint16_t> begins;
    for (size_t byte = 0; byte <= 256; ++byte) {
      if (cuts.test(byte)) begins.push_back(static_cast<uint16_t>(byte));
      interval[byte] = static_cast<uint16_t>(begins.size());  // one too high
    }
    std::vector<std::vector<uint32_t>> targets(begins.size());
    for (const uint32_t state : set) {
      for (const ByteEdge& edge : nfa_.states[state].edges) {
        const size_t last = interval[edge.last];
        for (size_t k = interval[edge.first]; k <= last; ++k) targets[k - 1].push_back(edge.to);
        spend(last - interval[edge.first] + size_t{1});
      }
    }
    for (size_t k = 0; k + 1 < begins.size(); ++k) {
      if (targets[k].empty()) continue;
      TRY_LET(const uint32_t to, number_of(targets[k]));
      if (to == kNoState) continue;
      add_edge(i, static_cast<uint8_t>(begins[k]), static_cast<uint8_t>(begins[k + 1] - 1), to);
    }
    return {};
  }

  void add_edge(uint32_t from, uint8_t first, uint8_t last, uint32_t to) {
    std::vector<ByteEdge>& edges = dfa_[from].edges;
    if (!edges.empty() && edges.back().to == to && edges.back().last + 1 == first) {
      edges.back().last = last;
      return;
    }
    edges.push_back({first, last, false, to});
    if (work_.n_edges > 0) --work_.n_edges;
  }

  Status step_calls(uint32_t i, const std::vector<uint32_t>& set) {
    std::vector<CallEdge> calls;
    for (const uint32_t state : set) {
      for (const CallEdge& call : nfa_.states[state].calls) {
        const uint32_t start = nfa_.rules[call.rule].start;
        if (leads_somewhere(start) && leads_somewhere(call.to)) calls.push_back(call);
      }
    }
    std::sort(calls.begin(), calls.end(),
              [](const CallEdge& a, const CallEdge& b) { return a.rule < b.rule; });
    for (size_t k = 0; k < calls.size();) {
      const uint32_t rule = calls[k].rule;
      std::vector<uint32_t> targets;
      for (; k < calls.size() && calls[k].rule == rule; ++k) targets.push_back(calls[k].to);
      TRY_LET(const uint32_t to, number_of(targets));
      dfa_[i].calls.push_back({rule, to});
      if (work_.n_edges > 0) --work_.n_edges;
    }
    if (work_.n_edges == 0) return too_complex();
    return {};
  }

  const Nfa& nfa_;
  uint32_t end_;
  bool is_trimmed_;
  SubsetWork& work_;
  Dfa dfa_;
  std::vector<std::vector<uint32_t>> sets_;  // by state of the dfa
  std::unordered_map<std::vector<uint32_t>, uint32_t, SetHash> numbers_;
};

}  // namespace

Result<Dfa> determinize(const Nfa& nfa, uint32_t start, uint32_t end, bool is_trimmed,
                        SubsetWork& work) {
  return Subsets(nfa, end, is_trimmed, work).run(start);
}

Dfa counted_loop(const Dfa& part) {
  if (part[0].edges.empty()) return {};
  for (const DfaState& state : part) {
    if (!state.calls.empty() || (state.accepts && !state.edges.empty())) return {};
  }
  // The start, where nothing is complete; then the place between two parts; then what is inside.
  std::vector<uint32_t> number(part.size(), 1);
  Dfa loop(2);
  for (uint32_t i = 1; i < part.size(); ++i) {
    if (part[i].accepts) continue;
    number[i] = static_cast<uint32_t>(loop.size());
    loop.push_back(part[i]);
  }
  loop[0] = part[0];
  loop[1] = part[0];
  loop[1].accepts = true;
  for (DfaState& state : loop) {
    state.height = 0;
    for (ByteEdge& edge : state.edges) {
      edge.completes = part[edge.to].accepts;
      edge.to = number[edge.to];
    }
  }
  return loop;
}

}  // namespace hearth::sample
