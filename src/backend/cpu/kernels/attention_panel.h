// SPDX-License-Identifier: MIT
// Scores of many queries with the same positions: the keys are brought to floats and transposed
// once, so that lanes are positions and no sum has to be added over lanes. Either bit for bit what
// attention.h computes (each of the 16 sums of a score, index mod 16, by itself, then their tree),
// or straight: one sum, in ascending order. Written once over Vec; included after vec.<isa>.h,
// attention.h and transpose.<isa>.h. In, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/attention.h"
#include "backend/cpu/kernels/fetcher.h"
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/vec_load.h"

namespace hearth::cpu {
namespace {

template <class Key>
void key_panel(const uint8_t* keys, int64_t key_bytes, int n_positions, int size, float* panel,
               const Ahead& ahead) {
  Fetcher fetcher(ahead, int64_t{n_positions + 15} / 16 * (size / 16));
  for (int first = 0; first < n_positions; first += 16) {
    for (int i = 0; i < size; i += 16) {
      fetcher.step();
      alignas(64) float square[16][16];
      for (int p = 0; p < 16; ++p) {
        const bool exists = first + p < n_positions;
        vec_store(square[p], exists ? Key::load(keys + (first + p) * key_bytes, i) : vec_zero());
      }
      transpose_16(reinterpret_cast<const uint32_t*>(square[0]), 16,
                   reinterpret_cast<uint32_t*>(panel + i * kPanelPositions + first),
                   kPanelPositions);
    }
  }
}

template <class Value>
void value_rows(const uint8_t* values, int64_t value_bytes, int n_positions, int size, float* rows,
                const Ahead& ahead) {
  Fetcher fetcher(ahead, n_positions);
  for (int p = 0; p < n_positions; ++p) {
    fetcher.step();
    for (int i = 0; i < size; i += 16) {
      vec_store(rows + p * size + i, Value::load(values + p * value_bytes, i));
    }
  }
}

// The sum of the lanes kLane, kLane + kStep, … of 16, of Q queries with P registers of positions:
// in the tree of vec_sum.
template <int Q, int P, int kLane, int kStep>
HEARTH_INLINE inline void lane_sums(const float* query, int64_t query_stride, const float* panel,
                                    int size, Vec out[Q][P]) {
  if constexpr (kStep == 16) {
    for (int q = 0; q < Q; ++q) {
      for (int p = 0; p < P; ++p) out[q][p] = vec_zero();
    }
    for (int i = kLane; i < size; i += 16) {
      Vec k[P];
      for (int p = 0; p < P; ++p) k[p] = vec_load(panel + i * kPanelPositions + 16 * p);
      for (int q = 0; q < Q; ++q) {
        const Vec x = vec_set(query[q * query_stride + i]);
        for (int p = 0; p < P; ++p) out[q][p] = vec_fma(k[p], x, out[q][p]);
      }
    }
  } else {
    Vec other[Q][P];
    lane_sums<Q, P, kLane, 2 * kStep>(query, query_stride, panel, size, out);
    lane_sums<Q, P, kLane + kStep, 2 * kStep>(query, query_stride, panel, size, other);
    for (int q = 0; q < Q; ++q) {
      for (int p = 0; p < P; ++p) out[q][p] = vec_add(out[q][p], other[q][p]);
    }
  }
}

// The same sums in ascending order of i: four times as many fit the registers.
template <int Q, int P>
HEARTH_INLINE inline void straight_sums(const float* query, int64_t query_stride,
                                        const float* panel, int size, Vec out[Q][P]) {
  for (int q = 0; q < Q; ++q) {
    for (int p = 0; p < P; ++p) out[q][p] = vec_zero();
  }
  for (int i = 0; i < size; ++i) {
    Vec k[P];
    for (int p = 0; p < P; ++p) k[p] = vec_load(panel + i * kPanelPositions + 16 * p);
    for (int q = 0; q < Q; ++q) {
      const Vec x = vec_set(query[q * query_stride + i]);
      for (int p = 0; p < P; ++p) out[q][p] = vec_fma(k[p], x, out[q][p]);
    }
  }
}

template <int Q, int P, bool kStraight>
void panel_score_tile(const PanelScoreTile& tile, int q0, int p0) {
  const float* query = tile.query + q0 * tile.query_stride;
  Vec sums[Q][P];
  if constexpr (kStraight) {
    straight_sums<Q, P>(query, tile.query_stride, tile.panel + p0, tile.size, sums);
  } else {
    lane_sums<Q, P, 0, 1>(query, tile.query_stride, tile.panel + p0, tile.size, sums);
  }
  for (int q = 0; q < Q; ++q) {
    for (int p = 0; p < P; ++p) {
      float* out = tile.scores + (q0 + q) * tile.score_stride + p0 + 16 * p;
      const int left = tile.n_positions - p0 - 16 * p;
      const Vec score = vec_mul(vec_set(tile.scale), sums[q][p]);
      if (left >= 16) {
        vec_store(out, score);
      } else if (left > 0) {
        vec_store_n(out, score, left);
      }
    }
  }
}

template <bool kStraight>
void panel_scores(const PanelScoreTile& tile) {
  constexpr int Q = kStraight ? kStraightQueries : kPanelQueries;
  constexpr int P = kStraight ? kStraightVecs : kPanelVecs;
  for_query_tiles<Q>(tile.n_queries, [&](auto n, int q) {
    int p = 0;
    for (; p + 16 * P - 16 < tile.n_positions; p += 16 * P) {
      panel_score_tile<n.value, P, kStraight>(tile, q, p);
    }
    for (; p < tile.n_positions; p += 16) panel_score_tile<n.value, 1, kStraight>(tile, q, p);
  });
}

template <class Format>
inline void add_panel(KernelTable& table, KvType type) {
  table.key_panel[static_cast<int>(type)] = key_panel<Format>;
  table.value_rows[static_cast<int>(type)] = value_rows<Format>;
}

inline void add_all_attention_panels(KernelTable& table) {
  table.panel_scores = panel_scores<false>;
  table.panel_scores_straight = panel_scores<true>;
  add_panel<LoadF32>(table, KvType::kF32);
  add_panel<LoadF16>(table, KvType::kF16);
  add_panel<LoadBF16>(table, KvType::kBF16);
  add_panel<LoadQ8_0>(table, KvType::kQ8_0);
  add_panel<LoadQ5_1>(table, KvType::kQ5_1);
  add_panel<LoadQ4_0>(table, KvType::kQ4_0);
}

}  // namespace
}  // namespace hearth::cpu
