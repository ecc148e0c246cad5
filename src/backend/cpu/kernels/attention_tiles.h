// SPDX-License-Identifier: MIT
// Scores with keys that lie in tiles of 16 positions: a register of keys holds the same column of
// 16 positions, so a score is one sum in ascending order of columns, bit for bit that of straight
// panels (attention_panel.h). Written once over Vec; included after vec.<isa>.h and attention.h.
// Layout, in, out: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/attention.h"
#include "backend/cpu/kernels/fetcher.h"
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/vec_load.h"

namespace hearth::cpu {
namespace {

// Up to six places of memory, a stride apart, that move together. Two addresses and the stride take
// three registers; left to itself, g++ 12 keeps an address for each place and moves sums to memory.
template <class T>
class Places {
 public:
  Places(const T* first, int64_t stride)
      : first_(first), fourth_(first + 3 * stride), stride_(stride) {}
  HEARTH_INLINE const T* at(int i) const {
    return i < 3 ? first_ + i * stride_ : fourth_ + (i - 3) * stride_;
  }
  HEARTH_INLINE void move(int64_t n) {
    first_ += n;
    fourth_ += n;
    asm("" : "+r"(first_), "+r"(fourth_));
  }

 private:
  const T* first_;
  const T* fourth_;
  int64_t stride_;
};

// Stores scale * sums[k] and what follows to out, a register after the other, P for each query. A
// recursion, so that sums can lie in registers.
template <int P, int kSums, int k = 0>
HEARTH_INLINE inline void store_tile_sums(const Vec* sums, Vec scale, float* out, int64_t stride) {
  vec_store(out + k / P * stride + k % P * kKeyTile, vec_mul(scale, sums[k]));
  if constexpr (k + 1 < kSums) store_tile_sums<P, kSums, k + 1>(sums, scale, out, stride);
}

// Q queries from q0 on with P tiles from i_tile on.
template <class Key, int Q, int P>
void tile_score_sums(const ScoreTile& tile, int q0, int i_tile, Fetcher& all_steps) {
  static_assert(Q <= 6 && P <= 6, "Places");
  Fetcher fetcher = all_steps.in_registers();
  const int64_t tile_bytes = kKeyTile * tile.key_bytes;
  Places<float> query(tile.query + q0 * tile.query_stride, tile.query_stride);
  Places<uint8_t> keys(tile.keys + i_tile * tile_bytes, tile_bytes);
  const int64_t column_bytes = tile_bytes / tile.size;
  Vec sums[Q * P];  // [q, p]
  for (Vec& sum : sums) sum = vec_zero();
  for (int i = 0; i < tile.size; ++i) {
    fetcher.step();
    Vec k[P];
    for (int p = 0; p < P; ++p) k[p] = Key::load(keys.at(p), 0);
    for (int q = 0; q < Q; ++q) {
      const Vec x = vec_set(*query.at(q));
      for (int p = 0; p < P; ++p) sums[q * P + p] = vec_fma(k[p], x, sums[q * P + p]);
    }
    keys.move(column_bytes);
    query.move(1);
  }
  store_tile_sums<P, Q * P>(sums, vec_set(tile.scale),
                            tile.scores + q0 * tile.score_stride + i_tile * kKeyTile,
                            tile.score_stride);
  all_steps.resume(fetcher);
}

template <class Key>
void tile_scores(const ScoreTile& tile) {
  constexpr int P = kStraightVecs;
  const int n_tiles = tile.n_positions / kKeyTile;
  const int64_t n_sums =
      int64_t{query_tiles(tile.n_queries, kStraightQueries)} * (n_tiles / P + n_tiles % P);
  Fetcher fetcher(tile.ahead, n_sums * tile.size);
  for_query_tiles<kStraightQueries>(tile.n_queries, [&](auto n, int q) {
    int i = 0;
    for (; i + P <= n_tiles; i += P) tile_score_sums<Key, n.value, P>(tile, q, i, fetcher);
    for (; i < n_tiles; ++i) tile_score_sums<Key, n.value, 1>(tile, q, i, fetcher);
  });
}

template <class Key>
void tile_panel(const uint8_t* tiles, int n_tiles, int size, float* panel, const Ahead& ahead) {
  Fetcher fetcher(ahead, int64_t{n_tiles} * size);
  for (int t = 0; t < n_tiles; ++t) {
    for (int i = 0; i < size; ++i) {
      fetcher.step();
      vec_store(panel + i * kPanelPositions + t * kKeyTile,
                Key::load(tiles, (t * size + i) * kKeyTile));
    }
  }
}

// store(values, n, out) makes values of kBytes each.
template <int kBytes, void (*store)(const float*, int, uint8_t*)>
void store_in_tile(const float* in, int n, uint8_t* lane) {
  for (int i = 0; i < n; i += 16) {
    const int n_values = n - i < 16 ? n - i : 16;
    uint8_t row[16 * kBytes];
    store(in + i, n_values, row);
    for (int j = 0; j < n_values; ++j) {
      __builtin_memcpy(lane + (i + j) * kKeyTile * kBytes, row + j * kBytes, kBytes);
    }
  }
}

template <class Key, int kBytes, void (*store)(const float*, int, uint8_t*)>
inline void add_tiles(KernelTable& table, KvType type) {
  const int i = static_cast<int>(type);
  table.tile_scores[i] = tile_scores<Key>;
  table.tile_panel[i] = tile_panel<Key>;
  table.store_in_tile[i] = store_in_tile<kBytes, store>;
}

inline void add_all_attention_tiles(KernelTable& table) {
  add_tiles<LoadF32, 4, store_f32>(table, KvType::kF32);
  add_tiles<LoadF16, 2, store_f16>(table, KvType::kF16);
  add_tiles<LoadBF16, 2, store_bf16>(table, KvType::kBF16);
}

}  // namespace
}  // namespace hearth::cpu
