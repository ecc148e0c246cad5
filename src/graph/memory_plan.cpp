// SPDX-License-Identifier: MIT
// Greedy placement, largest buffers first, each into the lowest gap that is free during its life.
// Source: Pisarchyk & Lee 2020, arXiv:2001.03288, offset calculation greedy by size.
#include "graph/memory_plan.h"

#include <algorithm>
#include <numeric>

namespace hearth::graph {
namespace {

int64_t align_up(int64_t n) { return (n + kPlaceAlign - 1) / kPlaceAlign * kPlaceAlign; }

}  // namespace

Placement place(std::span<const Life> lives) {
  Placement result;
  result.offsets.assign(lives.size(), 0);
  const auto offset_of = [&](size_t i) -> int64_t& { return result.offsets[i]; };

  std::vector<size_t> order(lives.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return lives[a].bytes > lives[b].bytes; });
  std::vector<size_t> placed;  // sorted by offset
  for (const size_t i : order) {
    const Life& life = lives[i];
    const int64_t bytes = align_up(life.bytes);
    int64_t offset = 0;
    for (const size_t j : placed) {
      const Life& other = lives[j];
      if (other.last < life.first || life.last < other.first) continue;
      if (offset + bytes <= offset_of(j)) break;
      offset = std::max(offset, offset_of(j) + align_up(other.bytes));
    }
    offset_of(i) = offset;
    result.total_bytes = std::max(result.total_bytes, offset + bytes);
    const auto at = std::upper_bound(placed.begin(), placed.end(), offset,
                                     [&](int64_t value, size_t j) { return value < offset_of(j); });
    placed.insert(at, i);
  }
  return result;
}

ValueId owner(const Graph& graph, ValueId id) {
  const auto maker = [&](ValueId value) {
    const auto i_node = static_cast<size_t>(graph.value(value).i_node);
    return std::get_if<Slice>(&graph.nodes()[i_node].op);
  };
  while (const Slice* slice = maker(id)) id = slice->x;
  return id;
}

int64_t row_stride_bytes(int width) {
  return align_up(int64_t{width} * static_cast<int64_t>(sizeof(float)));
}

}  // namespace hearth::graph
