// SPDX-License-Identifier: MIT
// Attention's products with cached rows of every format, on every instruction set of this machine,
// against sums in double; and that tiles change no bit.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>

#include "tests/backend/kernel_fixture.h"

namespace hearth::cpu {
namespace {

constexpr int kQueries = 9;
constexpr int kPositions = 64;  // a whole panel

struct Sum {
  double value = 0, magnitude = 0;
};

// The last n_queries rows and n_positions columns of [kQueries, kPositions].
std::vector<float> corner(const std::vector<float>& whole, int n_queries, int n_positions) {
  std::vector<float> part;
  for (int q = kQueries - n_queries; q < kQueries; ++q) {
    const auto end = whole.begin() + (q + 1) * kPositions;
    part.insert(part.end(), end - n_positions, end);
  }
  return part;
}

bool all_same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_bits);
}

// Cached rows, queries and weights, each ending at a forbidden page.
struct Cache {
  Cache(StoredKv kv_format, int row_size, Random& random)
      : format(kv_format),
        size(row_size),
        bytes(row_bytes(kv_format.type, row_size)),
        rows(static_cast<size_t>(bytes) * kPositions),
        query(normal_values(random, static_cast<size_t>(kQueries * row_size))),
        weight(normal_values(random, static_cast<size_t>(kQueries * kPositions))) {
    for (int p = 0; p < kPositions; ++p) {
      const std::vector<float> row = normal_values(random, static_cast<size_t>(size));
      CHECK(
          codec::encode_row(format.type, row, {rows.data() + p * bytes, static_cast<size_t>(bytes)})
              .has_value());
      values.push_back(decoded(format.type, size, rows.data() + p * bytes));
    }
  }

  // The last n_queries queries with the last n_positions positions.
  std::vector<float> scores(const KernelTable& table, int n_queries, int n_positions) const {
    Guarded<float> out(static_cast<size_t>(n_queries * n_positions));
    table.scores[static_cast<int>(format.kv)](
        {.query = query.data() + (kQueries - n_queries) * size,
         .query_stride = size,
         .n_queries = n_queries,
         .keys = rows.data() + (kPositions - n_positions) * bytes,
         .key_bytes = bytes,
         .n_positions = n_positions,
         .size = size,
         .scale = 0.125f,
         .scores = out.data(),
         .score_stride = n_positions});
    return {out.data(), out.data() + out.size()};
  }

  Sum score_in_double(int q, int p) const {
    Sum sum;
    for (int i = 0; i < size; ++i) {
      const double term = static_cast<double>(query[static_cast<size_t>(q * size + i)]) *
                          values[static_cast<size_t>(p)][static_cast<size_t>(i)];
      sum.value += term;
      sum.magnitude += std::fabs(term);
    }
    return sum;
  }

  // Of all queries with all positions.
  void expect_straight(const std::vector<float>& scores, std::string_view isa) const {
    for (int q = 0; q < kQueries; ++q) {
      for (int p = 0; p < kPositions; ++p) {
        const Sum sum = score_in_double(q, p);
        // The product and an addition for each column, the scale (exact: 1/8).
        const double bound = (1 + size) * kEps * sum.magnitude * 0.125;
        EXPECT_NEAR(scores[static_cast<size_t>(q * kPositions + p)], sum.value * 0.125, bound)
            << isa << " size " << size << " query " << q << " position " << p;
      }
    }
  }

  // The last n_queries outputs over all positions, or over the two halves one after the other.
  std::vector<float> mix(const KernelTable& table, int n_queries, int split) const {
    Guarded<float> out(static_cast<size_t>(n_queries * size));
    for (size_t i = 0; i < out.size(); ++i) out[i] = 0.25f;
    for (const auto& [begin, end] : {std::pair(0, split), std::pair(split, kPositions)}) {
      table.mix[static_cast<int>(format.kv)](
          {.weights = weight.data() + (kQueries - n_queries) * kPositions + begin,
           .weight_stride = kPositions,
           .n_queries = n_queries,
           .values = rows.data() + begin * bytes,
           .value_bytes = bytes,
           .n_positions = end - begin,
           .size = size,
           .out = out.data(),
           .out_stride = size});
    }
    return {out.data(), out.data() + out.size()};
  }

  // Like scores, by way of a panel. Reads ahead far into the forbidden page, which is only a hint.
  std::vector<float> panel_scores(const KernelTable& table, bool straight, int n_queries,
                                  int n_positions) const {
    std::vector<float> panel(static_cast<size_t>(size * kPanelPositions + 15));
    table.key_panel[static_cast<int>(format.kv)](
        rows.data() + (kPositions - n_positions) * bytes, bytes, n_positions, size, panel.data(),
        {.at = rows.data(), .bytes = (kPositions + 100) * bytes});
    Guarded<float> out(static_cast<size_t>(n_queries * n_positions));
    (straight ? table.panel_scores_straight
              : table.panel_scores)({.query = query.data() + (kQueries - n_queries) * size,
                                     .query_stride = size,
                                     .n_queries = n_queries,
                                     .panel = panel.data(),
                                     .n_positions = n_positions,
                                     .size = size,
                                     .scale = 0.125f,
                                     .scores = out.data(),
                                     .score_stride = n_positions});
    return {out.data(), out.data() + out.size()};
  }

  // The last n_queries queries with the last n_tiles tiles.
  std::vector<float> tile_scores(const KernelTable& table, const GuardedBytes& tiles, int n_queries,
                                 int n_tiles) const {
    const int n_positions = n_tiles * kKeyTile;
    Guarded<float> out(static_cast<size_t>(n_queries * n_positions));
    table.tile_scores[static_cast<int>(format.kv)](
        {.query = query.data() + (kQueries - n_queries) * size,
         .query_stride = size,
         .n_queries = n_queries,
         .keys = tiles.data() + (kPositions - n_positions) * bytes,
         .key_bytes = bytes,
         .n_positions = n_positions,
         .size = size,
         .scale = 0.125f,
         .scores = out.data(),
         .score_stride = n_positions,
         .ahead = {.at = tiles.data(), .bytes = (kPositions + 100) * bytes}});
    return {out.data(), out.data() + out.size()};
  }

  StoredKv format;
  int size;
  int64_t bytes;
  GuardedBytes rows;
  std::vector<std::vector<float>> values;  // decoded rows
  Guarded<float> query, weight;
};

// All keys of a cache in tiles, stored by an instruction set from the decoded rows.
struct StoredTiles {
  StoredTiles(const Cache& cache, const KernelTable& table)
      : bytes(static_cast<size_t>(cache.bytes) * kPositions) {
    const int64_t value_bytes = cache.bytes / cache.size;
    for (int p = 0; p < kPositions; ++p) {
      const int lane = p % kKeyTile;
      table.store_in_tile[static_cast<int>(cache.format.kv)](
          cache.values[static_cast<size_t>(p)].data(), cache.size,
          bytes.data() + (p - lane) * cache.bytes + lane * value_bytes);
    }
  }
  GuardedBytes bytes;
};

class Attention : public testing::TestWithParam<StoredKv> {
 protected:
  std::vector<int> sizes() const {
    if (info(GetParam().type).block_weights == 32) return {32, 64, 96, 128, 192, 256, 576};
    return {1, 8, 16, 20, 40, 64, 72, 80, 96, 112, 128, 192, 256, 576};
  }
  // f(cache, instruction set) for a cache of each size on each instruction set of this machine.
  template <class F>
  void for_each_case(uint32_t seed, const std::vector<int>& row_sizes, const F& f) const {
    Random random(seed);
    for (const int size : row_sizes) {
      const Cache cache(GetParam(), size, random);
      for (const std::string_view isa : machine_isa_names()) f(cache, isa);
    }
  }
  // Those that panels can have.
  std::vector<int> panel_sizes() const {
    std::vector<int> list = sizes();
    std::erase_if(list, [](int size) { return size % 16 != 0; });
    return list;
  }
};

TEST_P(Attention, scores_are_within_the_derived_bound_of_sums_in_double) {
  for_each_case(1, sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const std::vector<float> scores = cache.scores(table_for(isa), kQueries, kPositions);
    for (int q = 0; q < kQueries; ++q) {
      for (int p = 0; p < kPositions; ++p) {
        const Sum sum = cache.score_in_double(q, p);
        // The product, the additions of a lane, 4 levels of the tree, the scale (exact: 1/8).
        const double bound = (2 + size / 16 + 4) * kEps * sum.magnitude * 0.125;
        EXPECT_NEAR(scores[static_cast<size_t>(q * kPositions + p)], sum.value * 0.125, bound)
            << isa << " size " << size << " query " << q << " position " << p;
      }
    }
  });
}

TEST_P(Attention, a_score_does_not_depend_on_its_tile) {
  for_each_case(2, sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const KernelTable table = table_for(isa);
    const std::vector<float> whole = cache.scores(table, kQueries, kPositions);
    for (int n_queries = 1; n_queries <= kQueries; ++n_queries) {
      for (const int n_positions : {1, 2, 3, 4, 5, 7, 8, 9, 21, kPositions}) {
        EXPECT_TRUE(all_same_bits(cache.scores(table, n_queries, n_positions),
                                  corner(whole, n_queries, n_positions)))
            << isa << " size " << size << ", " << n_queries << " by " << n_positions;
      }
    }
  });
}

TEST_P(Attention, scores_by_way_of_a_panel_have_the_same_bits) {
  for_each_case(6, panel_sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const KernelTable table = table_for(isa);
    for (int n_queries = 1; n_queries <= kQueries; ++n_queries) {
      for (const int n_positions : {1, 15, 16, 17, 49, kPositions}) {
        EXPECT_TRUE(all_same_bits(cache.panel_scores(table, false, n_queries, n_positions),
                                  cache.scores(table, n_queries, n_positions)))
            << isa << " size " << size << ", " << n_queries << " by " << n_positions;
      }
    }
  });
}

TEST_P(Attention, straight_scores_are_within_the_derived_bound_and_do_not_depend_on_their_tile) {
  for_each_case(7, panel_sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const KernelTable table = table_for(isa);
    const std::vector<float> whole = cache.panel_scores(table, true, kQueries, kPositions);
    cache.expect_straight(whole, isa);
    for (int n_queries = 1; n_queries <= kQueries; ++n_queries) {
      for (const int n_positions : {1, 15, 16, 17, 49, kPositions}) {
        const auto part = cache.panel_scores(table, true, n_queries, n_positions);
        EXPECT_TRUE(all_same_bits(part, corner(whole, n_queries, n_positions)))
            << isa << " size " << size << ", " << n_queries << " by " << n_positions;
      }
    }
  });
}

// Formats whose keys can lie in tiles.
class KeyTiles : public Attention {};

TEST_P(KeyTiles, a_value_lies_at_its_column_and_lane) {
  for_each_case(9, sizes(), [](const Cache& cache, std::string_view isa) {
    const StoredTiles tiles(cache, table_for(isa));
    const auto value_bytes = static_cast<size_t>(cache.bytes / cache.size);
    for (int p = 0; p < kPositions; ++p) {
      const uint8_t* const row = cache.rows.data() + p * cache.bytes;
      const uint8_t* const tile = tiles.bytes.data() + p / kKeyTile * kKeyTile * cache.bytes;
      for (size_t i = 0; i < static_cast<size_t>(cache.size); ++i) {
        const size_t at = i * kKeyTile + static_cast<size_t>(p % kKeyTile);
        EXPECT_EQ(std::memcmp(tile + at * value_bytes, row + i * value_bytes, value_bytes), 0)
            << isa << " size " << cache.size << " position " << p << " column " << i;
      }
    }
  });
}

TEST_P(KeyTiles, scores_are_within_the_derived_bound_and_do_not_depend_on_their_tile) {
  for_each_case(10, sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const KernelTable table = table_for(isa);
    const StoredTiles tiles(cache, table);
    constexpr int kTiles = kPositions / kKeyTile;
    const std::vector<float> whole = cache.tile_scores(table, tiles.bytes, kQueries, kTiles);
    cache.expect_straight(whole, isa);
    for (int n_queries = 1; n_queries <= kQueries; ++n_queries) {
      for (int n_tiles = 1; n_tiles <= kTiles; ++n_tiles) {
        EXPECT_TRUE(all_same_bits(cache.tile_scores(table, tiles.bytes, n_queries, n_tiles),
                                  corner(whole, n_queries, n_tiles * kKeyTile)))
            << isa << " size " << size << ", " << n_queries << " by " << n_tiles;
      }
    }
  });
}

TEST_P(KeyTiles, instruction_sets_with_fused_multiply_add_give_the_same_scores) {
  std::vector<float> first;
  int first_size = 0;
  for_each_case(12, sizes(), [&](const Cache& cache, std::string_view isa) {
    if (isa == machine_isa_names().front()) return;  // base rounds twice
    const KernelTable table = table_for(isa);
    const StoredTiles tiles(cache, table);
    const auto scores = cache.tile_scores(table, tiles.bytes, kQueries, kPositions / kKeyTile);
    if (cache.size != first_size) {
      first = scores;
      first_size = cache.size;
    }
    EXPECT_TRUE(all_same_bits(scores, first)) << isa << " size " << cache.size;
  });
}

TEST_P(KeyTiles, scores_and_panels_have_the_bits_of_rows_brought_to_straight_panels) {
  for_each_case(11, panel_sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const KernelTable table = table_for(isa);
    const StoredTiles tiles(cache, table);
    for (int n_tiles = 1; n_tiles <= kPositions / kKeyTile; ++n_tiles) {
      const int n_positions = n_tiles * kKeyTile;
      EXPECT_TRUE(all_same_bits(cache.tile_scores(table, tiles.bytes, kQueries, n_tiles),
                                cache.panel_scores(table, true, kQueries, n_positions)))
          << isa << " size " << size << ", " << n_tiles << " tiles";
      Guarded<float> panel(static_cast<size_t>((size - 1) * kPanelPositions + n_positions));
      table.tile_panel[static_cast<int>(cache.format.kv)](
          tiles.bytes.data(), n_tiles, size, panel.data(),
          {.at = tiles.bytes.data(), .bytes = (kPositions + 100) * cache.bytes});
      for (int p = 0; p < n_positions; ++p) {
        for (int i = 0; i < size; ++i) {
          EXPECT_TRUE(same_bits(panel[static_cast<size_t>(i * kPanelPositions + p)],
                                cache.values[static_cast<size_t>(p)][static_cast<size_t>(i)]))
              << isa << " size " << size << " position " << p << " column " << i;
        }
      }
    }
  });
}

TEST_P(Attention, values_brought_to_floats_are_the_decoded_ones) {
  for_each_case(8, panel_sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    Guarded<float> out(static_cast<size_t>(kPositions * size));
    table_for(isa).value_rows[static_cast<int>(cache.format.kv)](cache.rows.data(), cache.bytes,
                                                                 kPositions, size, out.data(), {});
    for (int p = 0; p < kPositions; ++p) {
      const float* const row = out.data() + p * size;
      EXPECT_TRUE(all_same_bits({row, row + size}, cache.values[static_cast<size_t>(p)]))
          << isa << " size " << size;
    }
  });
}

TEST_P(Attention, mixes_are_within_the_derived_bound_of_sums_in_double) {
  for_each_case(3, sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const std::vector<float> out = cache.mix(table_for(isa), kQueries, kPositions);
    for (int q = 0; q < kQueries; ++q) {
      for (int i = 0; i < size; ++i) {
        double sum = 0.25, magnitude = 0.25;
        for (int p = 0; p < kPositions; ++p) {
          const double term =
              static_cast<double>(cache.weight[static_cast<size_t>(q * kPositions + p)]) *
              cache.values[static_cast<size_t>(p)][static_cast<size_t>(i)];
          sum += term;
          magnitude += std::fabs(term);
        }
        const double bound = (1 + kPositions) * kEps * magnitude;
        EXPECT_NEAR(out[static_cast<size_t>(q * size + i)], sum, bound)
            << isa << " size " << size << " query " << q << " column " << i;
      }
    }
  });
}

TEST_P(Attention, a_mix_does_not_depend_on_how_queries_and_positions_are_cut) {
  for_each_case(4, sizes(), [](const Cache& cache, std::string_view isa) {
    const int size = cache.size;
    const KernelTable table = table_for(isa);
    const std::vector<float> whole = cache.mix(table, kQueries, kPositions);
    for (int n_queries = 1; n_queries <= kQueries; ++n_queries) {
      for (const int split : {0, 1, 7, 16, 20, kPositions - 1}) {
        const std::vector<float> part = cache.mix(table, n_queries, split);
        const auto offset = static_cast<size_t>((kQueries - n_queries) * size);
        for (size_t i = 0; i < part.size(); ++i) {
          ASSERT_TRUE(same_bits(part[i], whole[offset + i])) << isa << " size " << size;
        }
      }
    }
  });
}

TEST_P(Attention, instruction_sets_with_fused_multiply_add_give_the_same_bits) {
  Random random(5);
  std::vector<std::string_view> names = machine_isa_names();
  names.erase(names.begin());  // base rounds twice
  for (const int size : sizes()) {
    const Cache cache(GetParam(), size, random);
    for (const std::string_view isa : names) {
      const KernelTable first = table_for(names.front()), table = table_for(isa);
      const std::vector<float> scores = cache.scores(first, kQueries, kPositions);
      const std::vector<float> mix = cache.mix(first, kQueries, kPositions);
      EXPECT_EQ(cache.scores(table, kQueries, kPositions), scores) << isa << " size " << size;
      EXPECT_EQ(cache.mix(table, kQueries, kPositions), mix) << isa << " size " << size;
    }
  }
}

std::string cache_name(const testing::TestParamInfo<StoredKv>& param) {
  return std::string(info(param.param.type).name);
}

INSTANTIATE_TEST_SUITE_P(Kernels, KeyTiles,
                         testing::Values(StoredKv{KvType::kF32, DType::kF32},
                                         StoredKv{KvType::kF16, DType::kF16},
                                         StoredKv{KvType::kBF16, DType::kBF16}),
                         cache_name);

INSTANTIATE_TEST_SUITE_P(
    Kernels, Attention,
    testing::Values(StoredKv{KvType::kF32, DType::kF32}, StoredKv{KvType::kF16, DType::kF16},
                    StoredKv{KvType::kBF16, DType::kBF16}, StoredKv{KvType::kQ8_0, DType::kQ8_0},
                    StoredKv{KvType::kQ5_1, DType::kQ5_1}, StoredKv{KvType::kQ4_0, DType::kQ4_0}),
    cache_name);

}  // namespace
}  // namespace hearth::cpu
