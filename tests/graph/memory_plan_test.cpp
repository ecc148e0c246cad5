// SPDX-License-Identifier: MIT
// Placement against a brute-force oracle: buffers that live at the same time never share a byte.
#include "graph/memory_plan.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/support/paths.h"
#include "tests/support/toy_cases.h"

namespace hearth::graph {
namespace {

bool overlap(const Life& a, int64_t a_at, const Life& b, int64_t b_at) {
  const bool in_time = a.first <= b.last && b.first <= a.last;
  const bool in_space = a_at < b_at + b.bytes && b_at < a_at + a.bytes;
  return in_time && in_space && a.bytes > 0 && b.bytes > 0;
}

// Bytes alive at the fullest step: no placement needs less.
int64_t lower_bound(const std::vector<Life>& lives) {
  std::map<int, int64_t> change;
  for (const Life& life : lives) {
    const int64_t bytes = (life.bytes + kPlaceAlign - 1) / kPlaceAlign * kPlaceAlign;
    change[life.first] += bytes;
    change[life.last + 1] -= bytes;
  }
  int64_t now = 0, most = 0;
  for (const auto& [step, bytes] : change) most = std::max(most, now += bytes);
  return most;
}

void expect_sound(const std::vector<Life>& lives, const Placement& placement) {
  ASSERT_EQ(placement.offsets.size(), lives.size());
  for (size_t i = 0; i < lives.size(); ++i) {
    EXPECT_EQ(placement.offsets[i] % kPlaceAlign, 0);
    EXPECT_GE(placement.offsets[i], 0);
    EXPECT_LE(placement.offsets[i] + lives[i].bytes, placement.total_bytes);
    for (size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(overlap(lives[i], placement.offsets[i], lives[j], placement.offsets[j]))
          << i << " and " << j;
    }
  }
  EXPECT_GE(placement.total_bytes, lower_bound(lives));
}

TEST(MemoryPlan, never_lets_living_buffers_share_a_byte) {
  std::mt19937 random(3);
  for (int round = 0; round < 1000; ++round) {
    std::vector<Life> lives(1 + random() % 40);
    for (Life& life : lives) {
      life.first = static_cast<int>(random() % 30);
      life.last = life.first + static_cast<int>(random() % 8);
      life.bytes = static_cast<int64_t>(random() % 1000);
    }
    expect_sound(lives, place(lives));
  }
}

TEST(MemoryPlan, shares_memory_between_buffers_that_follow_each_other) {
  const std::vector<Life> lives = {{0, 1, 640}, {2, 3, 640}, {1, 2, 64}, {4, 9, 128}};
  const Placement placement = place(lives);
  EXPECT_EQ(placement.total_bytes, 704);
  EXPECT_EQ(placement.offsets[0], placement.offsets[1]);
}

TEST(MemoryPlan, of_nothing_is_empty) { EXPECT_EQ(place({}).total_bytes, 0); }

TEST(MemoryPlan, follows_slices_to_the_value_that_owns_the_memory) {
  Graph g;
  const WeightId table = g.add_weight({.name = "t", .type = DType::kF32, .shape = {4, 32}});
  const ValueId x = g.add(Embed{.table = table}, "x");
  const ValueId half = g.add(Slice{x, 16, 16}, "half");
  const ValueId quarter = g.add(Slice{half, 8, 8}, "quarter");
  const ValueId other = g.add(Scale{quarter, 2.0f}, "other");
  EXPECT_EQ(owner(g, quarter), x);
  EXPECT_EQ(owner(g, half), x);
  EXPECT_EQ(owner(g, x), x);
  EXPECT_EQ(owner(g, other), other);
}

// Runs a graph on paper: each value marks its bytes when it is made; whoever reads it must find all
// of its marks.
void expect_values_survive(const Graph& g, const std::vector<Life>& lives,
                           const Placement& placement, const std::vector<size_t>& life_of_value) {
  std::vector<int> marks(static_cast<size_t>(placement.total_bytes / kPlaceAlign), -1);
  const auto cells = [&](ValueId id, auto&& f) {
    const size_t i = life_of_value[static_cast<size_t>(owner(g, id))];
    const int64_t begin = placement.offsets[i] / kPlaceAlign;
    const int64_t end = (placement.offsets[i] + lives[i].bytes + kPlaceAlign - 1) / kPlaceAlign;
    for (int64_t cell = begin; cell < end; ++cell) f(marks[static_cast<size_t>(cell)]);
  };
  for (const Node& node : g.nodes()) {
    for (const ValueId id : inputs(node.op)) {
      cells(id, [&](int& mark) { EXPECT_EQ(mark, owner(g, id)) << g.value(id).name; });
    }
    if (owner(g, node.out) == node.out) cells(node.out, [&](int& mark) { mark = node.out; });
  }
}

TEST(MemoryPlan, keeps_every_value_of_every_toy_until_its_last_reader) {
  const auto cases = test::toy_cases(test::source_dir() + "/tests/arch/toy_cases.txt");
  ASSERT_TRUE(cases) << cases.error().message;
  for (const test::ToyCase& c : *cases) {
    SCOPED_TRACE(c.name);
    const auto toy = test::load_toy(c.options);
    ASSERT_TRUE(toy) << toy.error().message;
    const Graph& g = toy->model.graph;
    std::vector<Life> lives;
    std::vector<size_t> life_of_value(g.values().size());
    int64_t all_bytes = 0;
    for (size_t i = 0; i < g.values().size(); ++i) {
      const auto id = static_cast<ValueId>(i);
      if (owner(g, id) != id) continue;
      life_of_value[i] = lives.size();
      const int at = g.value(id).i_node;
      lives.push_back({at, at, row_stride_bytes(g.width(id)) * 3});
      all_bytes += lives.back().bytes;
    }
    for (size_t n = 0; n < g.nodes().size(); ++n) {
      for (const ValueId id : inputs(g.nodes()[n].op)) {
        lives[life_of_value[static_cast<size_t>(owner(g, id))]].last = static_cast<int>(n);
      }
    }
    const Placement placement = place(lives);
    expect_sound(lives, placement);
    expect_values_survive(g, lives, placement, life_of_value);
    // A layer's values are reused by the next: far less than everything at once.
    const int at_least = toy->model.hparams.L >= 3 ? 2 : 1;
    EXPECT_LT(placement.total_bytes * at_least, all_bytes);
  }
}

}  // namespace
}  // namespace hearth::graph
