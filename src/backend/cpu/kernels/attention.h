// SPDX-License-Identifier: MIT
// Attention's two products with cached rows, written once over Vec: scores = query . key, and out
// += weight * value. One key row is converted once for up to kTileQueries queries. A score's sum
// runs over 16 lanes (index mod 16) and the tree of vec_sum, whatever the tile; a mix adds
// positions in ascending order. In, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/vec_load.h"

namespace hearth::cpu {
namespace {

// Scores of Q queries with P positions from (q0, p0) on.
template <class Key, int Q, int P>
inline void score_tile(const ScoreTile& tile, int q0, int p0) {
  const float* query = tile.query + q0 * tile.query_stride;
  const uint8_t* key = tile.keys + p0 * tile.key_bytes;
  Vec sums[P][Q];
  for (int p = 0; p < P; ++p) {
    for (int q = 0; q < Q; ++q) sums[p][q] = vec_zero();
  }
  int i = 0;
  for (; i + 16 <= tile.size; i += 16) {
    Vec x[Q];
    for (int q = 0; q < Q; ++q) x[q] = vec_load(query + q * tile.query_stride + i);
    for (int p = 0; p < P; ++p) {
      const Vec k = Key::load(key + p * tile.key_bytes, i);
      for (int q = 0; q < Q; ++q) sums[p][q] = vec_fma(k, x[q], sums[p][q]);
    }
  }
  if constexpr (requires { Key::load_n(key, 0, 1); }) {
    const int n = tile.size - i;
    for (int p = 0; n > 0 && p < P; ++p) {
      const Vec k = Key::load_n(key + p * tile.key_bytes, i, n);
      for (int q = 0; q < Q; ++q) {
        sums[p][q] = vec_fma(k, vec_load_n(query + q * tile.query_stride + i, n), sums[p][q]);
      }
    }
  }
  float* out = tile.scores + q0 * tile.score_stride + p0;
  if constexpr (P == 4) {
    for (int q = 0; q < Q; ++q) {
      const Vec lanes[4] = {sums[0][q], sums[1][q], sums[2][q], sums[3][q]};
      float four[4];
      vec_sum4(lanes, four);
      for (int p = 0; p < 4; ++p) out[q * tile.score_stride + p] = tile.scale * four[p];
    }
  } else {
    for (int p = 0; p < P; ++p) {
      for (int q = 0; q < Q; ++q) out[q * tile.score_stride + p] = tile.scale * vec_sum(sums[p][q]);
    }
  }
}

template <class Key, int Q>
inline void score_queries(const ScoreTile& tile, int q0) {
  int p = 0;
  for (; p + kTilePositions <= tile.n_positions; p += kTilePositions) {
    score_tile<Key, Q, kTilePositions>(tile, q0, p);
  }
  for (; p < tile.n_positions; ++p) score_tile<Key, Q, 1>(tile, q0, p);
}

template <class Key>
void scores(const ScoreTile& tile) {
  int q = 0;
  for (; q + kTileQueries <= tile.n_queries; q += kTileQueries) {
    score_queries<Key, kTileQueries>(tile, q);
  }
  for (; q < tile.n_queries; ++q) score_queries<Key, 1>(tile, q);
}

// Adds all positions to columns [i, i + 16 P) of Q output rows.
template <class Value, int Q, int P>
inline void mix_tile(const MixTile& tile, int q0, int i) {
  float* out = tile.out + q0 * tile.out_stride + i;
  const float* weights = tile.weights + q0 * tile.weight_stride;
  Vec sums[Q][P];
  for (int q = 0; q < Q; ++q) {
    for (int p = 0; p < P; ++p) sums[q][p] = vec_load(out + q * tile.out_stride + 16 * p);
  }
  for (int s = 0; s < tile.n_positions; ++s) {
    const uint8_t* row = tile.values + s * tile.value_bytes;
    for (int p = 0; p < P; ++p) {
      const Vec v = Value::load(row, i + 16 * p);
      for (int q = 0; q < Q; ++q) {
        sums[q][p] = vec_fma(v, vec_set(weights[q * tile.weight_stride + s]), sums[q][p]);
      }
    }
  }
  for (int q = 0; q < Q; ++q) {
    for (int p = 0; p < P; ++p) vec_store(out + q * tile.out_stride + 16 * p, sums[q][p]);
  }
}

template <class Value>
inline void mix_rest(const MixTile& tile, int q, int i) {
  float* out = tile.out + q * tile.out_stride + i;
  const int n = tile.size - i;
  Vec sum = vec_load_n(out, n);
  for (int s = 0; s < tile.n_positions; ++s) {
    const Vec v = Value::load_n(tile.values + s * tile.value_bytes, i, n);
    sum = vec_fma(v, vec_set(tile.weights[q * tile.weight_stride + s]), sum);
  }
  vec_store_n(out, sum, n);
}

template <class Value, int Q>
inline void mix_queries(const MixTile& tile, int q0) {
  constexpr int kWide = kTilePositions;
  int i = 0;
  for (; i + 16 * kWide <= tile.size; i += 16 * kWide) mix_tile<Value, Q, kWide>(tile, q0, i);
  for (; i + 16 <= tile.size; i += 16) mix_tile<Value, Q, 1>(tile, q0, i);
  if constexpr (requires { Value::load_n(tile.values, 0, 1); }) {
    for (int q = 0; i < tile.size && q < Q; ++q) mix_rest<Value>(tile, q0 + q, i);
  }
}

template <class Value>
void mix(const MixTile& tile) {
  int q = 0;
  for (; q + kTileQueries <= tile.n_queries; q += kTileQueries) {
    mix_queries<Value, kTileQueries>(tile, q);
  }
  for (; q < tile.n_queries; ++q) mix_queries<Value, 1>(tile, q);
}

void store_f32(const float* in, int n, uint8_t* out) {
  __builtin_memcpy(out, in, static_cast<unsigned long>(n) * 4);
}

void store_f16(const float* in, int n, uint8_t* out) {
  int i = 0;
  for (; i + 16 <= n; i += 16) vec_store_f16(out + 2 * i, vec_load(in + i));
  if (i < n) vec_store_f16_n(out + 2 * i, vec_load_n(in + i, n - i), n - i);
}

void store_bf16(const float* in, int n, uint8_t* out) {
  int i = 0;
  for (; i + 16 <= n; i += 16) vec_store_bf16(out + 2 * i, vec_load(in + i));
  if (i < n) vec_store_bf16_n(out + 2 * i, vec_load_n(in + i, n - i), n - i);
}

template <class Format>
inline void add_kv(KernelTable& table, KvType type) {
  table.scores[static_cast<int>(type)] = scores<Format>;
  table.mix[static_cast<int>(type)] = mix<Format>;
}

inline void add_all_attention(KernelTable& table) {
  add_kv<LoadF32>(table, KvType::kF32);
  add_kv<LoadF16>(table, KvType::kF16);
  add_kv<LoadBF16>(table, KvType::kBF16);
  add_kv<LoadQ8_0>(table, KvType::kQ8_0);
  add_kv<LoadQ5_1>(table, KvType::kQ5_1);
  add_kv<LoadQ4_0>(table, KvType::kQ4_0);
  table.store_kv[static_cast<int>(KvType::kF32)] = store_f32;
  table.store_kv[static_cast<int>(KvType::kF16)] = store_f16;
  table.store_kv[static_cast<int>(KvType::kBF16)] = store_bf16;
}

}  // namespace
}  // namespace hearth::cpu
