// SPDX-License-Identifier: MIT
// Attention's two products with cached rows, written once over Vec: scores = query . key, and out
// += weight * value. One key row is converted once for up to kSharedQueries queries. A score's sum
// runs over 16 lanes (index mod 16) and the tree of vec_sum, whatever the tile; a mix adds
// positions in ascending order. In, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/vec_load.h"

namespace hearth::cpu {
namespace {

// Queries that share a converted row: heads of one kv head. Of 32 registers, six of them and four
// positions take 24 for sums and six for the queries, which leaves one for the key.
constexpr int kSharedQueries = kTileQueries == 4 ? 6 : kTileQueries;

template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};

// Formats whose values come by blocks of 32.
template <class Format>
constexpr bool kByBlocks = requires { Format::load_32(nullptr, 0, nullptr); };

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
  if constexpr (kByBlocks<Key>) {
    for (; i + 32 <= tile.size; i += 32) {
      Vec x[2][Q];
      for (int q = 0; q < Q; ++q) {
        x[0][q] = vec_load(query + q * tile.query_stride + i);
        x[1][q] = vec_load(query + q * tile.query_stride + i + 16);
      }
      for (int p = 0; p < P; ++p) {
        Vec k[2];
        Key::load_32(key + p * tile.key_bytes, i, k);
        for (int q = 0; q < Q; ++q) {
          sums[p][q] = vec_fma(k[1], x[1][q], vec_fma(k[0], x[0][q], sums[p][q]));
        }
      }
    }
  }
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

// Fetches rows [first, first + n) of what is read next, into the second-level cache: the kernel
// itself needs the first.
inline void fetch(const Ahead& ahead, int first, int n) {
#if defined(__x86_64__)
  if (ahead.rows == nullptr) return;
  const uint8_t* p = ahead.rows + first * ahead.row_bytes;
  const int64_t bytes = n * ahead.row_bytes;
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(p + i, 0, 2);
#else
  static_cast<void>(ahead), static_cast<void>(first), static_cast<void>(n);
#endif
}

// f(Constant<Q>, first query) for all queries: kSharedQueries at once, then the rest at once.
template <int Q = kSharedQueries, class F>
inline void for_query_tiles(int n_queries, const F& f, int q = 0) {
  for (; q + Q <= n_queries; q += Q) f(Constant<Q>{}, q);
  if constexpr (Q > 1) {
    if (q < n_queries) for_query_tiles<Q - 1>(n_queries, f, q);
  }
}

template <class Key, int P>
inline void score_positions(const ScoreTile& tile, int p) {
  fetch(tile.ahead, p, P);
  for_query_tiles(tile.n_queries, [&](auto n, int q) { score_tile<Key, n.value, P>(tile, q, p); });
}

template <class Key>
void scores(const ScoreTile& tile) {
  int p = 0;
  for (; p + kTilePositions <= tile.n_positions; p += kTilePositions) {
    score_positions<Key, kTilePositions>(tile, p);
  }
  for (; p < tile.n_positions; ++p) score_positions<Key, 1>(tile, p);
}

// A mix passes over the positions once for each tile of queries and columns: rows are fetched
// evenly over all passes, so that the core's few places for misses are never taken by many at once.
struct Passes {
  explicit Passes(const MixTile& tile) {
    constexpr int kWide = 16 * kTilePositions;
    const int columns = tile.size / kWide + tile.size % kWide / 16;
    n = (tile.n_queries + kSharedQueries - 1) / kSharedQueries * (columns > 0 ? columns : 1);
  }
  void step(const Ahead& ahead) {
    if (++steps < n) return;
    steps = 0;
    fetch(ahead, row++, 1);
  }
  int n, steps = 0, row = 0;
};

// Adds all positions to columns [i, i + 16 P) of Q output rows.
template <class Value, int Q, int P>
inline void mix_tile(const MixTile& tile, int q0, int i, Passes& passes) {
  float* out = tile.out + q0 * tile.out_stride + i;
  const float* weights = tile.weights + q0 * tile.weight_stride;
  Vec sums[Q][P];
  for (int q = 0; q < Q; ++q) {
    for (int p = 0; p < P; ++p) sums[q][p] = vec_load(out + q * tile.out_stride + 16 * p);
  }
  for (int s = 0; s < tile.n_positions; ++s) {
    passes.step(tile.ahead);
    const uint8_t* row = tile.values + s * tile.value_bytes;
    Vec values[P];
    for (int p = 0; p < P; ++p) {
      if constexpr (kByBlocks<Value> && P % 2 == 0) {
        if (p % 2 == 0) Value::load_32(row, i + 16 * p, values + p);
      } else {
        values[p] = Value::load(row, i + 16 * p);
      }
    }
    for (int q = 0; q < Q; ++q) {
      const Vec weight = vec_set(weights[q * tile.weight_stride + s]);
      for (int p = 0; p < P; ++p) sums[q][p] = vec_fma(values[p], weight, sums[q][p]);
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
inline void mix_queries(const MixTile& tile, int q0, Passes& passes) {
  constexpr int kWide = kTilePositions;
  int i = 0;
  for (; i + 16 * kWide <= tile.size; i += 16 * kWide) {
    mix_tile<Value, Q, kWide>(tile, q0, i, passes);
  }
  for (; i + 16 <= tile.size; i += 16) mix_tile<Value, Q, 1>(tile, q0, i, passes);
  if constexpr (requires { Value::load_n(tile.values, 0, 1); }) {
    for (int q = 0; i < tile.size && q < Q; ++q) mix_rest<Value>(tile, q0 + q, i);
  }
}

template <class Value>
void mix(const MixTile& tile) {
  Passes passes(tile);
  for_query_tiles(tile.n_queries,
                  [&](auto n, int q) { mix_queries<Value, n.value>(tile, q, passes); });
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
