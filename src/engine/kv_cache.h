// SPDX-License-Identifier: MIT
// Who owns which page of the KV cache: page tables of sequences, reference counts, free lists.
// Cache layers with the same window form a group that shares tables; a group with a sliding window
// keeps only the pages that its window can still see. The bytes behind the pages belong to the
// backend (backend::KvStore); this class never touches them except to ask for copies.
// Thread rule: one thread at a time.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "base/result.h"
#include "graph/graph.h"

namespace hearth::engine {

// Splits the graph's cache layers into groups and sizes them: `n_positions` of context in all for
// groups without a window; otherwise window + batch for each of `n_sequences`, and the window alone
// for each of `n_kept` sequences that are not written to.
backend::KvLayout kv_layout(std::span<const graph::CacheLayer> layers, int64_t n_positions,
                            int n_sequences, int max_batch, backend::KvFormat format,
                            int n_kept = 0);

// Bytes of such a layout, as the page sizes say (the backend's own figure is KvStore::bytes).
uint64_t kv_bytes(const backend::KvLayout& layout);

// The pages of one sequence. Made by KvCache::open, given back by KvCache::close.
struct SequenceTable {
  int n_positions = 0;                      // positions whose keys and values are valid
  std::vector<std::vector<int32_t>> pages;  // per group, by page index; -1 = given back
  std::vector<int> first_kept;              // per group: first page index that is not given back
};

class KvCache {
 public:
  explicit KvCache(const backend::KvLayout& layout);

  // With room for the tables of `n_positions`, so that growing to them allocates nothing.
  SequenceTable open(int n_positions) const;
  void close(SequenceTable& table);

  // Makes pages exist for positions [n_positions, n_positions + n_new), private to this sequence,
  // and gives back those that no token from n_positions on can see. On error (no free pages) the
  // table keeps what it had. `store` copies pages that other sequences share.
  Status reserve(SequenceTable& table, int n_new, backend::KvStore& store);

  // After a step that filled them.
  void commit(SequenceTable& table, int n_new) const { table.n_positions += n_new; }

  // Keeps the first n positions. Answers how many are really kept: 0 where a window's pages before
  // n were given back already.
  int truncate(SequenceTable& table, int n);

  // Whether truncate would keep n positions.
  bool can_truncate(const SequenceTable& table, int n) const;

  // Another sequence with the same past; pages are shared until one of them writes.
  SequenceTable fork(const SequenceTable& table, int n_positions);

  int n_free(int group) const;
  int n_pages(int group) const;
  int window(int group) const { return groups_[static_cast<size_t>(group)].window; }
  int n_groups() const { return static_cast<int>(groups_.size()); }

 private:
  struct Group {
    int window = 0;
    std::vector<int32_t> free;  // pages to give out, last first
    std::vector<int> n_owners;  // per page
  };
  void give_back(Group& group, int32_t page);
  void drop_unseen(SequenceTable& table, size_t group);
  static int first_seen_page(int n_positions, const Group& group);

  std::vector<Group> groups_;
};

}  // namespace hearth::engine
