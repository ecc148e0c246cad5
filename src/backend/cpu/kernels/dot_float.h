// SPDX-License-Identifier: MIT
// Products of f32, f16 and bf16 weights with float activations, written once over Vec: tiles of
// kTileQueries tokens by kTilePositions rows, each sum over 16 lanes (column mod 16) and the tree
// of vec_sum, whatever the tile. In, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/vec_load.h"

namespace hearth::cpu {
namespace {

// Rows r0, r0 + row_step, ... (R of them) times T tokens from t0 on.
template <class Weights, int R, int T>
inline void float_tile(const MatmulTile& tile, int r0, int row_step, int t0) {
  const uint8_t* row = tile.weights + r0 * tile.row_bytes;
  const int64_t step_bytes = row_step * tile.row_bytes;
  const uint8_t* acts = tile.acts + t0 * tile.act_bytes;
  Vec sums[R][T];
  for (int r = 0; r < R; ++r) {
    for (int t = 0; t < T; ++t) sums[r][t] = vec_zero();
  }
  int i = 0;
  for (; i + 16 <= tile.n_cols; i += 16) {
    Vec x[T];
    for (int t = 0; t < T; ++t) x[t] = LoadF32::load(acts + t * tile.act_bytes, i);
    for (int r = 0; r < R; ++r) {
      const Vec w = Weights::load(row + r * step_bytes, i);
      for (int t = 0; t < T; ++t) sums[r][t] = vec_fma(w, x[t], sums[r][t]);
    }
  }
  const int n = tile.n_cols - i;
  for (int r = 0; n > 0 && r < R; ++r) {
    const Vec w = Weights::load_n(row + r * step_bytes, i, n);
    for (int t = 0; t < T; ++t) {
      const Vec x = LoadF32::load_n(acts + t * tile.act_bytes, i, n);
      sums[r][t] = vec_fma(w, x, sums[r][t]);
    }
  }
  for (int t = 0; t < T; ++t) {
    float* out = tile.out + (t0 + t) * tile.out_stride + r0;
    for (int r = 0; r < R; ++r) out[r * row_step] = vec_sum(sums[r][t]);
  }
}

// Tokens whose activations stay in the second-level cache while all rows pass (256 KiB at 1024
// columns): beyond that each row would read them from farther away.
constexpr int kFloatChunk = 64;

template <class Weights, int R>
inline void float_rows(const MatmulTile& tile, int r0, int row_step, int first, int last) {
  int t = first;
  for (; t + kTileQueries <= last; t += kTileQueries) {
    float_tile<Weights, R, kTileQueries>(tile, r0, row_step, t);
  }
  for (; t < last; ++t) float_tile<Weights, R, 1>(tile, r0, row_step, t);
}

// The rows of one tile come from distant segments: a core reads several streams faster than one
// (docs/design: 15 % at four streams).
template <class Weights>
void matmul_float(const MatmulTile& tile) {
  const int segment = tile.n_rows / kTilePositions;
  for (int t = 0; t < tile.n_tokens; t += kFloatChunk) {
    const int last = t + kFloatChunk < tile.n_tokens ? t + kFloatChunk : tile.n_tokens;
    for (int r = 0; r < segment; ++r) {
      float_rows<Weights, kTilePositions>(tile, r, segment, t, last);
    }
    for (int r = segment * kTilePositions; r < tile.n_rows; ++r) {
      float_rows<Weights, 1>(tile, r, 1, t, last);
    }
  }
}

template <class Weights>
void decode_float(const uint8_t* row, int n, float* out) {
  int i = 0;
  for (; i + 16 <= n; i += 16) vec_store(out + i, Weights::load(row, i));
  if (i < n) vec_store_n(out + i, Weights::load_n(row, i, n - i), n - i);
}

template <class Weights>
inline void add_float(KernelTable& table, Weight weight) {
  table.matmul[static_cast<int>(weight)] = matmul_float<Weights>;
  table.decode_row[static_cast<int>(weight)] = decode_float<Weights>;
}

inline void add_all_dot_float(KernelTable& table) {
  add_float<LoadF32>(table, Weight::kF32);
  add_float<LoadF16>(table, Weight::kF16);
  add_float<LoadBF16>(table, Weight::kBF16);
}

}  // namespace
}  // namespace hearth::cpu
