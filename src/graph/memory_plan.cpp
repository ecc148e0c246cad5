// SPDX-License-Identifier: MIT
// Greedy placement, largest values first, each into the lowest gap that is free during its life.
// Source: Pisarchyk & Lee 2020, arXiv:2001.03288, offset calculation greedy by size.
#include "graph/memory_plan.h"

#include <algorithm>

#include "base/check.h"

namespace hearth::graph {
namespace {

constexpr int kAlign = 16;  // floats in a cache line

int align_up(int n) { return (n + kAlign - 1) / kAlign * kAlign; }

// The value that owns the memory of `id`: follows slices to what they view.
ValueId owner(const Graph& graph, ValueId id) {
  const auto maker = [&](ValueId value) {
    const auto i_node = static_cast<size_t>(graph.value(value).i_node);
    return std::get_if<Slice>(&graph.nodes()[i_node].op);
  };
  while (const Slice* slice = maker(id)) id = slice->x;
  return id;
}

struct Life {
  ValueId id;
  int first, last;  // nodes, inclusive
  int64_t floats;
};

std::vector<Life> lives(const Graph& graph, int max_tokens, int max_outputs) {
  std::vector<Life> list;
  for (size_t i = 0; i < graph.values().size(); ++i) {
    const Value& value = graph.values()[i];
    const int rows = value.rows == Rows::kTokens ? max_tokens : max_outputs;
    list.push_back({static_cast<ValueId>(i), value.i_node, value.i_node,
                    int64_t{align_up(value.width)} * rows});
  }
  const auto use = [&](ValueId id, int i_node) {
    Life& life = list[static_cast<size_t>(owner(graph, id))];
    life.last = std::max(life.last, i_node);
  };
  for (size_t i = 0; i < graph.nodes().size(); ++i) {
    for (const ValueId id : inputs(graph.nodes()[i].op)) use(id, static_cast<int>(i));
  }
  if (graph.result() != kNone) use(graph.result(), static_cast<int>(graph.nodes().size()));
  return list;
}

}  // namespace

MemoryPlan plan_memory(const Graph& graph, int max_tokens, int max_outputs) {
  MemoryPlan plan;
  plan.places.resize(graph.values().size());
  plan.max_tokens = max_tokens;
  plan.max_outputs = max_outputs;
  const auto place = [&](ValueId id) -> ValuePlace& {
    return plan.places[static_cast<size_t>(id)];
  };

  std::vector<Life> order = lives(graph, max_tokens, max_outputs);
  std::erase_if(order, [&](const Life& life) { return owner(graph, life.id) != life.id; });
  std::stable_sort(order.begin(), order.end(),
                   [](const Life& a, const Life& b) { return a.floats > b.floats; });
  std::vector<Life> placed;  // sorted by offset
  for (const Life& life : order) {
    int64_t offset = 0;
    for (const Life& other : placed) {
      if (other.last < life.first || life.last < other.first) continue;
      if (offset + life.floats <= place(other.id).offset) break;
      offset = std::max(offset, place(other.id).offset + other.floats);
    }
    place(life.id) = {offset, align_up(graph.width(life.id))};
    plan.arena_floats = std::max(plan.arena_floats, offset + life.floats);
    const auto at = std::upper_bound(
        placed.begin(), placed.end(), offset,
        [&](int64_t value, const Life& other) { return value < place(other.id).offset; });
    placed.insert(at, life);
  }
  for (const Node& node : graph.nodes()) {
    if (const auto* slice = std::get_if<Slice>(&node.op)) {
      place(node.out) = {place(slice->x).offset + slice->begin, place(slice->x).stride};
    }
  }
  return plan;
}

}  // namespace hearth::graph
