// SPDX-License-Identifier: MIT
// Attention's two products with cached rows, written once over Vec: scores = query . key, and out
// += weight * value. A row is converted once for up to kSharedQueries queries, heads of one kv
// head. A score's sum runs over 16 lanes (index mod 16) and the tree of vec_sum, whatever the tile;
// a mix adds positions in ascending order. In, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/fetcher.h"
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/vec_load.h"

namespace hearth::cpu {
namespace {

template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};

// Formats whose values come by blocks of 32.
template <class Format>
constexpr bool kByBlocks = requires { Format::load_32(nullptr, 0, nullptr); };

// out[q * stride + p] = scale * the sum of the lanes of sums[q * P + p]. A recursion, so that sums
// can lie in registers; V is Vec, named late because tiles of four exist for AVX-512 alone.
template <int Q, int P, class V>
HEARTH_INLINE inline void store_sums(const V* sums, float scale, float* out, int64_t stride) {
  constexpr int kStored = P == 4 && Q > 1 ? 2 : 1;  // queries
  if constexpr (kStored == 2) {
    vec_sum8(sums, scale, out, out + stride);
  } else if constexpr (P == 4) {
    vec_sum4(sums, scale, out);
  } else {
    for (int p = 0; p < P; ++p) out[p] = scale * vec_sum(sums[p]);
  }
  if constexpr (Q > kStored) {
    store_sums<Q - kStored, P>(sums + kStored * P, scale, out + kStored * stride, stride);
  }
}

// Scores of Q queries from q0 on with positions [begin, end), P at a time. Only single positions
// have columns beyond a multiple of 16: no head size at hand has any, and they would take registers
// from all tiles.
template <class Key, int Q, int P>
void score_tiles(const ScoreTile& tile, int q0, int begin, int end, Fetcher& all_steps) {
  Fetcher fetcher = all_steps.in_registers();
  const float* query = tile.query + q0 * tile.query_stride;
  const uint8_t* key = tile.keys + begin * tile.key_bytes;
  float* out = tile.scores + q0 * tile.score_stride + begin;
  for (int done = begin; done < end; done += P, key += P * tile.key_bytes, out += P) {
    Vec sums[Q * P];  // [q, p]
    for (Vec& sum : sums) sum = vec_zero();
    int i = 0;
    if constexpr (kByBlocks<Key>) {
      for (; i + 32 <= tile.size; i += 32) {
        fetcher.step();
        Vec x[2][Q];
        for (int q = 0; q < Q; ++q) {
          x[0][q] = vec_load(query + q * tile.query_stride + i);
          x[1][q] = vec_load(query + q * tile.query_stride + i + 16);
        }
        for (int p = 0; p < P; ++p) {
          Vec k[2];
          Key::load_32(key + p * tile.key_bytes, i, k);
          for (int q = 0; q < Q; ++q) {
            Vec& sum = sums[q * P + p];
            sum = vec_fma(k[1], x[1][q], vec_fma(k[0], x[0][q], sum));
          }
        }
      }
    } else {
      for (; i + 16 <= tile.size; i += 16) {
        fetcher.step();
        Vec x[Q];
        for (int q = 0; q < Q; ++q) x[q] = vec_load(query + q * tile.query_stride + i);
        for (int p = 0; p < P; ++p) {
          const Vec k = Key::load(key + p * tile.key_bytes, i);
          for (int q = 0; q < Q; ++q) sums[q * P + p] = vec_fma(k, x[q], sums[q * P + p]);
        }
      }
      if constexpr (P == 1) {
        const int n = tile.size - i;
        for (int q = 0; n > 0 && q < Q; ++q) {
          const Vec x = vec_load_n(query + q * tile.query_stride + i, n);
          sums[q] = vec_fma(Key::load_n(key, i, n), x, sums[q]);
        }
      }
    }
    store_sums<Q, P>(sums, tile.scale, out, tile.score_stride);
  }
  all_steps.resume(fetcher);
}

// f(Constant<Q>, first query) for all queries: kSharedQueries at once, then the rest at once.
template <int Q = kSharedQueries, class F>
inline void for_query_tiles(int n_queries, const F& f, int q = 0) {
  for (; q + Q <= n_queries; q += Q) f(Constant<Q>{}, q);
  if constexpr (Q > 1) {
    if (q < n_queries) for_query_tiles<Q - 1>(n_queries, f, q);
  }
}

// How many queries the first of for_query_tiles<Q> has, and how many tiles there are.
constexpr int most_shared(int n_queries, int Q) { return n_queries < Q ? n_queries : Q; }
constexpr int query_tiles(int n_queries, int Q) { return (n_queries + Q - 1) / Q; }

template <class Key>
void scores(const ScoreTile& tile) {
  const int n = tile.n_positions, n_steps = tile.size / (kByBlocks<Key> ? 32 : 16);
  const auto n_tiled = [&](int per_tile) {
    return tile.size % 16 == 0 ? n / per_tile * per_tile : 0;
  };
  const int first = shared_tile(most_shared(tile.n_queries, kSharedQueries));
  const int64_t n_tiles = int64_t{n_tiled(first) / first + n - n_tiled(first)} *
                          query_tiles(tile.n_queries, kSharedQueries);
  Fetcher fetcher(tile.ahead, n_tiles * n_steps);
  for_query_tiles(tile.n_queries, [&](auto q_tile, int q) {
    constexpr int Q = q_tile.value, P = shared_tile(Q);
    score_tiles<Key, Q, P>(tile, q, 0, n_tiled(P), fetcher);
    score_tiles<Key, Q, 1>(tile, q, n_tiled(P), n, fetcher);
  });
}

// The tile of mix: values of quantized formats are brought to floats by blocks of two sixteens, for
// which fewer queries leave room where a register holds eight floats.
template <class Value>
constexpr int mix_tile_columns(int n_queries) {
  const int P = shared_tile(n_queries);
  return kByBlocks<Value> && P < 2 ? 2 : P;
}
template <class Value>
constexpr int kMixQueries =
    kByBlocks<Value> && shared_tile(kSharedQueries) < 2 ? 2 : kSharedQueries;

// Adds all positions to columns [i, i + 16 P) of Q output rows.
template <class Value, int Q, int P>
void mix_tile(const MixTile& tile, int q0, int i, Fetcher& all_steps) {
  Fetcher fetcher = all_steps.in_registers();
  float* out = tile.out + q0 * tile.out_stride + i;
  const float* weights = tile.weights + q0 * tile.weight_stride;
  Vec sums[Q][P];
  for (int q = 0; q < Q; ++q) {
    for (int p = 0; p < P; ++p) sums[q][p] = vec_load(out + q * tile.out_stride + 16 * p);
  }
  for (int s = 0; s < tile.n_positions; ++s) {
    fetcher.step();
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
  all_steps.resume(fetcher);
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
inline void mix_queries(const MixTile& tile, int q0, Fetcher& fetcher) {
  constexpr int kWide = mix_tile_columns<Value>(Q);
  int i = 0;
  for (; i + 16 * kWide <= tile.size; i += 16 * kWide) {
    mix_tile<Value, Q, kWide>(tile, q0, i, fetcher);
  }
  for (; i + 16 <= tile.size; i += 16) mix_tile<Value, Q, 1>(tile, q0, i, fetcher);
  if constexpr (requires { Value::load_n(tile.values, 0, 1); }) {
    for (int q = 0; i < tile.size && q < Q; ++q) mix_rest<Value>(tile, q0 + q, i);
  }
}

template <class Value>
void mix(const MixTile& tile) {
  // Once over the positions for each tile of queries and columns.
  constexpr int kQueries = kMixQueries<Value>;
  const int wide = 16 * mix_tile_columns<Value>(most_shared(tile.n_queries, kQueries));
  const int64_t n_tiles =
      int64_t{query_tiles(tile.n_queries, kQueries)} * (tile.size / wide + tile.size % wide / 16);
  Fetcher fetcher(tile.ahead, n_tiles * tile.n_positions);
  for_query_tiles<kQueries>(tile.n_queries,
                            [&](auto n, int q) { mix_queries<Value, n.value>(tile, q, fetcher); });
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
