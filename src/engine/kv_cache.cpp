// SPDX-License-Identifier: MIT
// Pages after Kwon et al. 2023, arXiv:2309.06180; see kv_cache.h.
#include "engine/kv_cache.h"

#include <algorithm>

#include "base/check.h"
#include "tensor/dtype.h"

namespace hearth::engine {
namespace {

using backend::kPagePositions;

int64_t pages_for(int64_t n_positions) {
  return (n_positions + kPagePositions - 1) / kPagePositions;
}

}  // namespace

backend::KvLayout kv_layout(std::span<const graph::CacheLayer> layers, int64_t n_positions,
                            int n_sequences, int max_batch, backend::KvFormat format, int n_kept) {
  backend::KvLayout layout;
  layout.format = format;
  std::vector<int> windows;  // of the groups
  for (const graph::CacheLayer& layer : layers) {
    auto at = std::find(windows.begin(), windows.end(), layer.window);
    if (at == windows.end()) {
      // Each sequence may leave a page half filled; a window also straddles one page more.
      int64_t pages = pages_for(n_positions) + n_sequences - 1;
      if (layer.window > 0) {
        const int64_t own = pages_for(int64_t{layer.window} + max_batch) + 1;
        pages = std::min(pages, own * n_sequences + (pages_for(layer.window) + 1) * n_kept);
      }
      layout.pages_of_group.push_back(static_cast<int>(pages));
      at = windows.insert(windows.end(), layer.window);
    }
    layout.layers.push_back(layer);
    layout.group_of_layer.push_back(static_cast<int>(at - windows.begin()));
  }
  return layout;
}

uint64_t kv_bytes(const backend::KvLayout& layout) {
  const auto bytes_of = [](DType type, int64_t n) {
    const DTypeInfo& row = info(type);
    return (n + row.block_weights - 1) / row.block_weights * row.block_bytes;
  };
  uint64_t total = 0;
  for (size_t i = 0; i < layout.layers.size(); ++i) {
    const graph::CacheLayer& layer = layout.layers[i];
    const int pages = layout.pages_of_group[static_cast<size_t>(layout.group_of_layer[i])];
    const int64_t per_position = layer.n_kv_heads * (bytes_of(layout.format.k, layer.k_size) +
                                                     bytes_of(layout.format.v, layer.v_size));
    total += static_cast<uint64_t>(per_position) * static_cast<uint64_t>(pages) * kPagePositions;
  }
  return total;
}

KvCache::KvCache(const backend::KvLayout& layout) {
  for (size_t g = 0; g < layout.pages_of_group.size(); ++g) {
    Group group;
    const auto n = static_cast<size_t>(layout.pages_of_group[g]);
    for (size_t i = 0; i < layout.layers.size(); ++i) {
      if (layout.group_of_layer[i] == static_cast<int>(g)) group.window = layout.layers[i].window;
    }
    group.n_owners.assign(n, 0);
    for (size_t page = n; page > 0; --page) group.free.push_back(static_cast<int32_t>(page - 1));
    groups_.push_back(std::move(group));
  }
}

SequenceTable KvCache::open(int n_positions) const {
  SequenceTable table;
  table.pages.resize(groups_.size());
  for (auto& pages : table.pages) pages.reserve(static_cast<size_t>(pages_for(n_positions)));
  table.first_kept.assign(groups_.size(), 0);
  return table;
}

void KvCache::give_back(Group& group, int32_t page) {
  if (page < 0) return;
  int& owners = group.n_owners[static_cast<size_t>(page)];
  CHECK(owners > 0);
  if (--owners == 0) group.free.push_back(page);
}

void KvCache::close(SequenceTable& table) {
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (const int32_t page : table.pages[g]) give_back(groups_[g], page);
    table.pages[g].clear();
    table.first_kept[g] = 0;
  }
  table.n_positions = 0;
}

// The first page that a token at n_positions (or later) can see.
int KvCache::first_seen_page(int n_positions, const Group& group) {
  if (group.window == 0) return 0;
  return std::max(0, n_positions - group.window + 1) / kPagePositions;
}

void KvCache::drop_unseen(SequenceTable& table, size_t g) {
  Group& group = groups_[g];
  const int end =
      std::min(first_seen_page(table.n_positions, group), static_cast<int>(table.pages[g].size()));
  for (int i = table.first_kept[g]; i < end; ++i) {
    give_back(group, table.pages[g][static_cast<size_t>(i)]);
    table.pages[g][static_cast<size_t>(i)] = -1;
  }
  table.first_kept[g] = std::max(table.first_kept[g], end);
}

Status KvCache::reserve(SequenceTable& table, int n_new, backend::KvStore& store) {
  CHECK(n_new > 0);
  const auto first = static_cast<size_t>(table.n_positions / kPagePositions);
  const auto end = static_cast<size_t>(pages_for(int64_t{table.n_positions} + n_new));
  for (size_t g = 0; g < groups_.size(); ++g) {
    drop_unseen(table, g);
    const std::vector<int32_t>& pages = table.pages[g];
    size_t needed = end > pages.size() ? end - pages.size() : 0;
    // More than one where a fork followed a step that failed after it had made its pages.
    for (size_t i = first; i < pages.size(); ++i) {
      if (groups_[g].n_owners[static_cast<size_t>(pages[i])] > 1) ++needed;
    }
    if (needed > groups_[g].free.size()) {
      return over_limit("the KV cache is full: {} more pages of {} positions wanted, {} free",
                        needed, kPagePositions, groups_[g].free.size());
    }
  }
  const auto take = [](Group& group) {
    const int32_t page = group.free.back();
    group.free.pop_back();
    group.n_owners[static_cast<size_t>(page)] = 1;
    return page;
  };
  for (size_t g = 0; g < groups_.size(); ++g) {
    std::vector<int32_t>& pages = table.pages[g];
    for (size_t i = first; i < pages.size(); ++i) {
      if (groups_[g].n_owners[static_cast<size_t>(pages[i])] == 1) continue;
      const int32_t own = take(groups_[g]);
      store.copy_page(static_cast<int>(g), pages[i], own);
      give_back(groups_[g], pages[i]);
      pages[i] = own;
    }
    while (pages.size() < end) pages.push_back(take(groups_[g]));
  }
  return {};
}

bool KvCache::can_truncate(const SequenceTable& table, int n) const {
  if (n < 0 || n > table.n_positions) return false;
  for (size_t g = 0; g < groups_.size(); ++g) {
    if (n > 0 && first_seen_page(n, groups_[g]) < table.first_kept[g]) return false;
  }
  return true;
}

int KvCache::truncate(SequenceTable& table, int n) {
  CHECK(n >= 0 && n <= table.n_positions);
  if (!can_truncate(table, n)) {
    close(table);
    return 0;
  }
  const auto keep = static_cast<size_t>(pages_for(n));
  for (size_t g = 0; g < groups_.size(); ++g) {
    while (table.pages[g].size() > keep) {
      give_back(groups_[g], table.pages[g].back());
      table.pages[g].pop_back();
    }
    table.first_kept[g] = std::min(table.first_kept[g], static_cast<int>(table.pages[g].size()));
  }
  table.n_positions = n;
  return n;
}

SequenceTable KvCache::fork(const SequenceTable& table, int n_positions) {
  SequenceTable copy = open(n_positions);
  copy.n_positions = table.n_positions;
  copy.first_kept = table.first_kept;
  for (size_t g = 0; g < groups_.size(); ++g) {
    for (const int32_t page : table.pages[g]) {
      if (page >= 0) ++groups_[g].n_owners[static_cast<size_t>(page)];
      copy.pages[g].push_back(page);
    }
  }
  return copy;
}

int KvCache::n_pages(int group) const {
  return static_cast<int>(groups_[static_cast<size_t>(group)].n_owners.size());
}

int KvCache::n_free(int group) const {
  return static_cast<int>(groups_[static_cast<size_t>(group)].free.size());
}

}  // namespace hearth::engine
