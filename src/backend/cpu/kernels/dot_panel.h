// SPDX-License-Identifier: MIT
// Products of quantized weights with four tokens and more (prefill), written once over Words:
// limited by arithmetic. A block of 16 rows is unpacked once to a panel in the first-level cache
// whose lanes are rows, so that each multiplication serves 16 rows and no sum has to be added over
// lanes. In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/fill_words.h"
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// Tokens for which one unpacking serves: their sums take up to 16 KiB of the stack.
constexpr int kChunkTokens = 128;
inline void add_to(float* out, Vec value, float scale) {
  vec_store(out, vec_add(vec_load(out), vec_mul(value, vec_set(scale))));
}

// sums[p][t] += rows [from, from + n) of panel p times the pairs of token t, from x[t] on.
template <int T, int P>
HEARTH_INLINE inline void dot_rows(const Panel* panels, int from, int n, const int16_t* const x[T],
                                   Ints sums[P][T]) {
#pragma GCC unroll 2
  for (int k = 0; k < n; ++k) {
    Words w[P];
    for (int p = 0; p < P; ++p) w[p] = words_load_row(panels[p].pairs[from + k]);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      const Words pair = words_broadcast_pair(x[t] + 2 * k);
      for (int p = 0; p < P; ++p) sums[p][t] = ints_dot(sums[p][t], w[p], pair);
    }
  }
}

template <int T, int P>
HEARTH_INLINE inline void clear(Ints sums[P][T]) {
  for (int p = 0; p < P; ++p) {
    for (int t = 0; t < T; ++t) sums[p][t] = ints_zero();
  }
}

// The exact sums of one block as floats, rounded once.
template <class Format, int T, int P>
HEARTH_INLINE inline void panel_sums(const Panel* panels, const ActBlock* const acts[T],
                                     Vec products[P][T]) {
  const int16_t* x[T];
  Ints sums[P][T];
  if constexpr (Format::kSums == 1) {
    for (int t = 0; t < T; ++t) x[t] = acts[t]->x;
    clear<T, P>(sums);
    dot_rows<T, P>(panels, 0, kPairs, x, sums);
    for (int p = 0; p < P; ++p) {
      for (int t = 0; t < T; ++t) products[p][t] = ints_to_vec(sums[p][t]);
    }
  } else {
    constexpr int kPart = kPairs / Format::kSums;
    Doubles wide[P][T];
    for (auto& row : wide) {
      for (Doubles& sum : row) sum = doubles_zero();
    }
    for (int part = 0; part < Format::kSums; ++part) {
      for (int t = 0; t < T; ++t) x[t] = acts[t]->x + 2 * kPart * part;
      clear<T, P>(sums);
      dot_rows<T, P>(panels, kPart * part, kPart, x, sums);
      for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) wide[p][t] = doubles_add(wide[p][t], sums[p][t]);
      }
    }
    for (int p = 0; p < P; ++p) {
      for (int t = 0; t < T; ++t) products[p][t] = doubles_to_vec(wide[p][t]);
    }
  }
}

template <class Format, int T, int P>
void super_panel(const Panel* panels, const ActBlock* const acts[T], float* const out[T]) {
  Vec products[P][T];
  panel_sums<Format, T, P>(panels, acts, products);
  for (int p = 0; p < P; ++p) {
    for (int t = 0; t < T; ++t) products[p][t] = vec_mul(vec_load(panels[p].d[0]), products[p][t]);
  }
  if constexpr (Format::kMinGroup != 0) {
    constexpr int kMins = 256 / Format::kMinGroup;
    const int16_t* x[T];
    for (int t = 0; t < T; ++t) x[t] = &(kMins == 8 ? acts[t]->sum32 : acts[t]->sum16)->high;
    Ints sums[P][T];
    clear<T, P>(sums);
    dot_rows<T, P>(panels, kPairs, kMins, x, sums);
    for (int p = 0; p < P; ++p) {
      for (int t = 0; t < T; ++t) {
        const Vec minimum = vec_mul(vec_load(panels[p].d[1]), ints_to_vec(sums[p][t]));
        products[p][t] = vec_sub(products[p][t], minimum);
      }
    }
  }
  for (int p = 0; p < P; ++p) {
    for (int t = 0; t < T; ++t) add_to(out[t] + kPanelRows * p, products[p][t], acts[t]->scale);
  }
}

template <class Format, int T, int P>
HEARTH_INLINE inline void panel_products(const Panel* panels, int g, const ActBlock* const acts[T],
                                         Vec products[P][T]) {
  const int16_t* x[T];
  Ints sums[P][T];
  for (int t = 0; t < T; ++t) x[t] = acts[t]->x + 32 * g;
  clear<T, P>(sums);
  dot_rows<T, P>(panels, 16 * g, 16, x, sums);
  for (int t = 0; t < T; ++t) {
    const SumPair sum = acts[t]->sum32[g];
    for (int p = 0; p < P; ++p) {
      Vec product = vec_mul(vec_load(panels[p].d[g]), ints_to_vec(sums[p][t]));
      if constexpr (Format::kHasMin) {
        const Vec x_sum = vec_set(static_cast<float>(256 * sum.high + sum.low));
        product = vec_add(product, vec_mul(vec_load(panels[p].m[g]), x_sum));
      }
      products[p][t] = product;
    }
  }
}

// Group g's products go up the tree of kernels/table.h as soon as their left neighbours are
// complete: level 0 holds groups, level 1 pairs, level 2 fours.
template <class Format, int T, int P>
void group_panel(const Panel* panels, int n_groups, const ActBlock* const acts[T],
                 float* const out[T]) {
  Vec level[3][P][T];
  for (int g = 0; g < 8; ++g) {
    Vec value[P][T];
    if (g < n_groups) {
      panel_products<Format, T, P>(panels, g, acts, value);
    } else {
      for (auto& row : value) {
        for (Vec& v : row) v = vec_zero();
      }
    }
    int depth = 0;
    for (; (g >> depth) & 1; ++depth) {
      for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) value[p][t] = vec_add(level[depth][p][t], value[p][t]);
      }
    }
    for (int p = 0; p < P; ++p) {
      for (int t = 0; t < T; ++t) {
        if (depth < 3) {
          level[depth][p][t] = value[p][t];
        } else {
          add_to(out[t] + kPanelRows * p, value[p][t], acts[t]->scale);
        }
      }
    }
  }
}

// One block of panels of either kind, filled and multiplied.
template <class Format>
struct SuperKernel {
  static constexpr int kBlockBytes = Format::kBytes;
  static void fill(const PanelRows& rows, int64_t offset, int, Panel& panel) {
    fill_words(static_cast<const Format*>(nullptr), rows, offset, 8, panel);
  }
  template <int T, int P>
  static void multiply(const Panel* panels, int, const ActBlock* const acts[T],
                       float* const out[T]) {
    super_panel<Format, T, P>(panels, acts, out);
  }
};
template <class Format>
struct GroupKernel {
  static constexpr int kBlockBytes = 8 * Format::kBytes;
  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
    fill_words(static_cast<const Format*>(nullptr), rows, offset, n_groups, panel);
  }
  template <int T, int P>
  static void multiply(const Panel* panels, int n_groups, const ActBlock* const acts[T],
                       float* const out[T]) {
    group_panel<Format, T, P>(panels, n_groups, acts, out);
  }
};

// T tokens of a chunk from token t on; where fewer are left, the last stands in for the others and
// its sums go to a place that nobody reads.
template <class Kernel, int T, int P>
inline void multiply_tokens(const MatmulTile& tile, const Panel* panels, int n_groups, int block,
                            int t, int n_left, float* sums) {
  alignas(64) float unread[kPanelRows * P];
  const ActBlock* acts[T];
  float* out[T];
  for (int i = 0; i < T; ++i) {
    const int token = t + (i < n_left ? i : n_left - 1);
    acts[i] = reinterpret_cast<const ActBlock*>(tile.acts + token * tile.act_bytes) + block;
    out[i] = i < n_left ? sums + i * kPanelRows * P : unread;
  }
  if (n_left < T) {
    for (int p = 0; p < P; ++p) vec_store(unread + kPanelRows * p, vec_zero());
  }
  Kernel::template multiply<T, P>(panels, n_groups, acts, out);
}

// All tokens of a chunk with the 16 P rows from r0 on.
template <class Kernel>
void panel_chunk(const MatmulTile& tile, int r0, int t0, int n_tokens) {
  constexpr int P = kPanels, kRows = kPanelRows * P;
  alignas(64) float sums[kChunkTokens * kRows];
  Panel panels[P];
  PanelRows rows[P];
  for (int p = 0; p < P; ++p) rows[p] = panel_rows(tile, r0 + kPanelRows * p);
  for (int i = 0; i < n_tokens * kRows; i += 16) vec_store(sums + i, vec_zero());
  const int n_blocks = (tile.n_cols + 255) / 256;
  for (int b = 0; b < n_blocks; ++b) {
    const int groups_left = tile.n_cols / 32 - 8 * b, n_groups = groups_left < 8 ? groups_left : 8;
    const int64_t at = static_cast<int64_t>(b) * Kernel::kBlockBytes;
    const int64_t next = b + 1 < n_blocks ? at + Kernel::kBlockBytes : kRows * tile.row_bytes;
    for (int p = 0; p < P; ++p) Kernel::fill(rows[p], at, n_groups, panels[p]);
    const int n_tiles = (n_tokens + kPanelTokens - 1) / kPanelTokens;
    for (int i = 0; i < n_tiles; ++i) {
      const int t = i * kPanelTokens;
      fetch_share(rows, P, i, n_tiles, next, Kernel::kBlockBytes);
      multiply_tokens<Kernel, kPanelTokens, P>(tile, panels, n_groups, b, t0 + t, n_tokens - t,
                                               sums + t * kRows);
    }
  }
  const int n_rows = tile.n_rows - r0 < kRows ? tile.n_rows - r0 : kRows;
  for (int t = 0; t < n_tokens; ++t) {
    float* out = tile.out + (t0 + t) * tile.out_stride + r0;
    for (int r = 0; r < n_rows; r += kPanelRows) {
      const Vec sum = vec_load(sums + t * kRows + r);
      if (n_rows - r >= kPanelRows) {
        vec_store(out + r, sum);
      } else {
        vec_store_n(out + r, sum, n_rows - r);
      }
    }
  }
}

template <class Kernel>
void panel_matmul(const MatmulTile& tile) {
  constexpr int kRows = kPanelRows * kPanels;
  for (int r0 = 0; r0 < tile.n_rows; r0 += kRows) {
    for (int t0 = 0; t0 < tile.n_tokens; t0 += kChunkTokens) {
      const int rest = tile.n_tokens - t0, n_tokens = rest < kChunkTokens ? rest : kChunkTokens;
      panel_chunk<Kernel>(tile, r0, t0, n_tokens);
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
