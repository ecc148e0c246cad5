// SPDX-License-Identifier: MIT
// The page tables against an oracle that keeps, for every page, what was written to it: random
// opening, writing, cutting back, forking and closing never lets two sequences share what one of
// them writes, never loses a page, and every position that a token may see holds what was written.
#include "engine/kv_cache.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

namespace hearth::engine {
namespace {

using backend::kPagePositions;

// Stands in for the bytes: the value of each slot of each page.
class Slots : public backend::KvStore {
 public:
  explicit Slots(const backend::KvLayout& layout) {
    for (const int n : layout.pages_of_group) {
      groups_.emplace_back(static_cast<size_t>(n),
                           std::vector<int>(static_cast<size_t>(kPagePositions), -1));
    }
  }
  uint64_t bytes() const override { return 0; }
  void copy_page(int group, int from, int to) override {
    auto& pages = groups_[static_cast<size_t>(group)];
    pages[static_cast<size_t>(to)] = pages[static_cast<size_t>(from)];
  }
  int& at(size_t group, const SequenceTable& table, int position) {
    const int32_t page = table.pages[group][static_cast<size_t>(position / kPagePositions)];
    return groups_[group][static_cast<size_t>(page)]
                  [static_cast<size_t>(position % kPagePositions)];
  }

 private:
  std::vector<std::vector<std::vector<int>>> groups_;
};

backend::KvLayout layout_of(std::vector<int> windows, int n_positions, int n_sequences,
                            int max_batch) {
  std::vector<graph::CacheLayer> layers;
  for (const int window : windows) {
    layers.push_back({.n_kv_heads = 1, .k_size = 32, .v_size = 32, .window = window});
  }
  return kv_layout(layers, n_positions, n_sequences, max_batch, {});
}

struct Tracked {
  SequenceTable table;
  std::vector<int> values;  // what the oracle wrote, per position
};

class Play {
 public:
  Play(uint32_t seed, std::vector<int> windows)
      : random_(seed),
        windows_(std::move(windows)),
        layout_(layout_of(windows_, kContext * kSequences, kSequences, kBatch)),
        cache_(layout_),
        slots_(layout_) {}

  void run(int n_moves) {
    for (int i = 0; i < n_moves; ++i) {
      SCOPED_TRACE(i);
      move();
      check();
      if (testing::Test::HasFailure()) return;
    }
    while (!open_.empty()) close(0);
    for (int g = 0; g < cache_.n_groups(); ++g) {
      EXPECT_EQ(cache_.n_free(g), layout_.pages_of_group[static_cast<size_t>(g)]);
    }
  }

 private:
  static constexpr int kContext = 400, kSequences = 4, kBatch = 90;

  int below(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

  void move() {
    const int kind = below(10);
    if (open_.empty() || (kind == 0 && open_.size() < kSequences)) {
      open_.push_back({cache_.open(kContext), {}});
      return;
    }
    const auto i = static_cast<size_t>(below(static_cast<int>(open_.size())));
    Tracked& one = open_[i];
    if (kind == 1) return close(i);
    if (kind == 2 && open_.size() < kSequences) {
      Tracked copy{cache_.fork(one.table, kContext), one.values};
      open_.push_back(std::move(copy));
      return;
    }
    if (kind == 3) return cut(one);
    write(one, kind == 4);
  }

  void close(size_t i) {
    cache_.close(open_[i].table);
    open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
  }

  void cut(Tracked& one) {
    const int n = below(static_cast<int>(one.values.size()) + 1);
    const int kept = cache_.truncate(one.table, n);
    ASSERT_TRUE(kept == n || kept == 0);
    one.values.resize(static_cast<size_t>(kept));
  }

  // A step that fails after its pages were made writes what nobody may see.
  void write(Tracked& one, bool fails) {
    const int n = std::min(1 + below(kBatch), kContext - static_cast<int>(one.values.size()));
    if (n == 0) return;
    const Status status = cache_.reserve(one.table, n, slots_);
    ASSERT_TRUE(status) << status.error().message;
    for (int t = 0; t < n; ++t) {
      const int position = one.table.n_positions + t;
      const int value = next_++;
      for (size_t g = 0; g < windows_.size(); ++g) slots_.at(g, one.table, position) = value;
      if (!fails) one.values.push_back(value);
    }
    if (!fails) cache_.commit(one.table, n);
  }

  void check() {
    for (size_t g = 0; g < windows_.size(); ++g) {
      std::map<int32_t, int> owners;
      for (const Tracked& one : open_) {
        ASSERT_EQ(one.table.n_positions, static_cast<int>(one.values.size()));
        for (const int32_t page : one.table.pages[g]) {
          if (page >= 0) ++owners[page];
        }
        // What the next token may see, itself left out.
        const int n = one.table.n_positions;
        const int first = windows_[g] > 0 ? std::max(0, n - windows_[g] + 1) : 0;
        for (int p = first; p < n; ++p) {
          ASSERT_EQ(slots_.at(g, one.table, p), one.values[static_cast<size_t>(p)])
              << "group " << g << ", position " << p;
        }
      }
      ASSERT_EQ(cache_.n_free(static_cast<int>(g)) + static_cast<int>(owners.size()),
                layout_.pages_of_group[g]);
    }
  }

  std::mt19937 random_;
  std::vector<int> windows_;  // all different: one group each
  backend::KvLayout layout_;
  KvCache cache_;
  Slots slots_;
  std::vector<Tracked> open_;
  int next_ = 0;
};

TEST(KvCache, random_use_agrees_with_the_oracle) {
  for (uint32_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    Play(seed, {0}).run(400);
    Play(seed, {0, 8, 100}).run(400);
    if (HasFailure()) return;
  }
}

TEST(KvCache, layers_with_the_same_window_share_a_group_and_a_window_keeps_little) {
  const auto layout = layout_of({0, 128, 0, 128, 512}, 100'000, 2, 64);
  EXPECT_EQ(layout.group_of_layer, (std::vector<int>{0, 1, 0, 1, 2}));
  ASSERT_EQ(layout.pages_of_group.size(), 3u);
  EXPECT_EQ(layout.pages_of_group[0], 1563 + 1);
  EXPECT_EQ(layout.pages_of_group[1], 2 * (3 + 1));
  EXPECT_EQ(layout.pages_of_group[2], 2 * (9 + 1));
}

TEST(KvCache, bytes_count_every_layer_with_its_pages_and_formats) {
  std::vector<graph::CacheLayer> layers{{.n_kv_heads = 3, .k_size = 64, .v_size = 32, .window = 0}};
  const auto layout = kv_layout(layers, 128, 1, 64, {DType::kF16, DType::kQ8_0});
  EXPECT_EQ(kv_bytes(layout), 128u * 3 * (64 * 2 + 34));
}

TEST(KvCache, without_free_pages_a_sequence_keeps_what_it_has) {
  const auto layout = layout_of({0}, 128, 1, 64);
  KvCache cache(layout);
  Slots slots(layout);
  SequenceTable a = cache.open(128);
  ASSERT_TRUE(cache.reserve(a, 100, slots));
  cache.commit(a, 100);
  const auto pages = a.pages;
  const Status full = cache.reserve(a, 29, slots);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kLimit);
  EXPECT_EQ(a.pages, pages);
  EXPECT_TRUE(cache.reserve(a, 28, slots));
  cache.close(a);
  EXPECT_EQ(cache.n_free(0), 2);
}

TEST(KvCache, pages_shared_after_a_failed_step_are_counted_before_they_are_copied) {
  const auto layout = layout_of({0}, 256, 1, 256);
  KvCache cache(layout);
  Slots slots(layout);
  SequenceTable a = cache.open(256);
  ASSERT_TRUE(cache.reserve(a, 192, slots));  // three of four pages, and no commit
  SequenceTable b = cache.fork(a, 256);
  const Status full = cache.reserve(b, 192, slots);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().code, ErrorCode::kLimit);
  cache.close(a);
  EXPECT_TRUE(cache.reserve(b, 192, slots));
  cache.close(b);
  EXPECT_EQ(cache.n_free(0), 4);
}

}  // namespace
}  // namespace hearth::engine
