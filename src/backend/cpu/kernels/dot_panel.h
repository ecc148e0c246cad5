// SPDX-License-Identifier: MIT
// Products of quantized weights with four tokens and more (prefill), written once over Words:
// limited by arithmetic. A block of 16 rows is unpacked once to a panel in the first-level cache
// whose lanes are rows, so that each multiplication serves 16 rows and no sum has to be added over
// lanes. In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/unpack.h"

namespace hearth::cpu {
namespace {

constexpr int kPanelRows = 16;
// Tokens for which one unpacking serves: their sums take 8 KiB of the stack.
constexpr int kChunkTokens = 128;
// Dwords of a row of a panel: 128 pairs of weights, then up to 16 pairs of minima.
constexpr int kPairs = 128, kMinPairs = 16;

struct alignas(64) Panel {
  uint32_t pairs[kPairs + kMinPairs][kPanelRows];
  float d[8][kPanelRows];  // super-blocks: d, dmin; else one row a group
  float m[8][kPanelRows];
};

struct PanelRows {
  const uint8_t* row[kPanelRows];  // the last row stands in for those past the end
};

inline PanelRows panel_rows(const MatmulTile& tile, int first) {
  PanelRows rows;
  for (int r = 0; r < kPanelRows; ++r) {
    const int index = first + r < tile.n_rows ? first + r : tile.n_rows - 1;
    rows.row[r] = tile.weights + index * tile.row_bytes;
  }
  return rows;
}

template <class Format>
void fill_super_panel(const PanelRows& rows, int64_t offset, Panel& panel) {
  alignas(64) uint32_t flat[kPanelRows][kPairs + kMinPairs];
  for (int r = 0; r < kPanelRows; ++r) {
    const uint8_t* block = rows.row[r] + offset;
    int16_t* words = reinterpret_cast<int16_t*>(flat[r]);
    Format::visit(block, [&](int a, int b, Words w)
                             HEARTH_INLINE { words_store_two(words + a, words + b, w); });
    panel.d[0][r] = f32_from_f16(load_u16(block + Format::kD));
    if constexpr (Format::kMinGroup != 0) {
      auto* mins = reinterpret_cast<__m256i*>(flat[r] + kPairs);
      _mm256_store_si256(mins, Format::template min_pairs<0>(block));
      _mm256_store_si256(mins + 1, Format::template min_pairs<1>(block));
      panel.d[1][r] = f32_from_f16(load_u16(block + Format::kDmin));
    }
  }
  constexpr int kColumns = Format::kMinGroup == 0 ? kPairs : kPairs + kMinPairs;
  for (int c = 0; c < kColumns; c += 16) {
    transpose_16(flat[0] + c, kPairs + kMinPairs, panel.pairs[c]);
  }
}

// The groups past n_groups are left as they were: they are not used.
template <class Format>
void fill_group_panel(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
  alignas(64) uint32_t flat[kPanelRows][kPairs + kMinPairs];
  for (int r = 0; r < kPanelRows; ++r) {
    const uint8_t* blocks = rows.row[r] + offset;
    for (int g = 0; g < n_groups; g += 2) {
      const uint8_t* first = blocks + g * Format::kBytes;
      const uint8_t* second = g + 1 < n_groups ? first + Format::kBytes : first;
      int16_t* words = reinterpret_cast<int16_t*>(flat[r] + 16 * g);
      Format::visit(first, second, [&](int a, int b, Words w) HEARTH_INLINE {
        words_store_two(words + a, words + b, w);
      });
    }
    for (int g = 0; g < n_groups; ++g) {
      const uint8_t* block = blocks + g * Format::kBytes;
      panel.d[g][r] = Format::kMxScale ? mxfp4_scale(block[0]) : f32_from_f16(load_u16(block));
      if constexpr (Format::kHasMin) panel.m[g][r] = f32_from_f16(load_u16(block + 2));
    }
  }
  for (int g = 0; g < n_groups; ++g) {
    transpose_16(flat[0] + 16 * g, kPairs + kMinPairs, panel.pairs[16 * g]);
  }
}

// sums[t] += panel rows [from, to) times the pairs of token t.
template <int T>
HEARTH_INLINE inline void dot_rows(const uint32_t (*pairs)[kPanelRows], int n,
                                   const int16_t* const x[T], Ints sums[T]) {
#pragma GCC unroll 4
  for (int k = 0; k < n; ++k) {
    const Words w = words_load_row(pairs[k]);
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) sums[t] = ints_dot_pair(sums[t], w, x[t] + 2 * k);
  }
}

template <int T>
HEARTH_INLINE inline void clear(Ints sums[T]) {
  for (int t = 0; t < T; ++t) sums[t] = ints_zero();
}

template <class Format, int T>
void super_panel(const Panel& panel, const ActBlock* const acts[T], float (*out)[kPanelRows]) {
  const int16_t* x[T];
  Ints sums[T];
  Vec products[T];
  if constexpr (Format::kSums == 1) {
    for (int t = 0; t < T; ++t) x[t] = acts[t]->x;
    clear<T>(sums);
    dot_rows<T>(panel.pairs, kPairs, x, sums);
    for (int t = 0; t < T; ++t) products[t] = ints_to_vec(sums[t]);
  } else {
    constexpr int kPart = kPairs / Format::kSums;
    Doubles wide[T];
    for (int t = 0; t < T; ++t) wide[t] = doubles_zero();
    for (int part = 0; part < Format::kSums; ++part) {
      for (int t = 0; t < T; ++t) x[t] = acts[t]->x + 2 * kPart * part;
      clear<T>(sums);
      dot_rows<T>(panel.pairs + kPart * part, kPart, x, sums);
      for (int t = 0; t < T; ++t) wide[t] = doubles_add(wide[t], sums[t]);
    }
    for (int t = 0; t < T; ++t) products[t] = doubles_to_vec(wide[t]);
  }
  for (int t = 0; t < T; ++t) products[t] = vec_mul(vec_load(panel.d[0]), products[t]);
  if constexpr (Format::kMinGroup != 0) {
    constexpr int kMins = 256 / Format::kMinGroup;
    for (int t = 0; t < T; ++t) {
      x[t] = &(kMins == 8 ? acts[t]->sum32 : acts[t]->sum16)->high;
    }
    clear<T>(sums);
    dot_rows<T>(panel.pairs + kPairs, kMins, x, sums);
    for (int t = 0; t < T; ++t) {
      const Vec minimum = vec_mul(vec_load(panel.d[1]), ints_to_vec(sums[t]));
      products[t] = vec_sub(products[t], minimum);
    }
  }
  for (int t = 0; t < T; ++t) {
    const Vec term = vec_mul(products[t], vec_set(acts[t]->scale));
    vec_store(out[t], vec_add(vec_load(out[t]), term));
  }
}

// Group g's products go into the tree of kernels/table.h as soon as its left neighbour is complete:
// level 0 holds pairs, level 1 fours.
template <class Format, int T>
void group_panel(const Panel& panel, int n_groups, const ActBlock* const acts[T],
                 float (*out)[kPanelRows]) {
  Vec level[3][T];
  for (int g = 0; g < 8; ++g) {
    Vec p[T];
    if (g < n_groups) {
      const int16_t* x[T];
      Ints sums[T];
      for (int t = 0; t < T; ++t) x[t] = acts[t]->x + 32 * g;
      clear<T>(sums);
      dot_rows<T>(panel.pairs + 16 * g, 16, x, sums);
      for (int t = 0; t < T; ++t) {
        p[t] = vec_mul(vec_load(panel.d[g]), ints_to_vec(sums[t]));
        if constexpr (Format::kHasMin) {
          const SumPair sum = acts[t]->sum32[g];
          const Vec x_sum = vec_set(static_cast<float>(256 * sum.high + sum.low));
          p[t] = vec_add(p[t], vec_mul(vec_load(panel.m[g]), x_sum));
        }
      }
    } else {
      for (int t = 0; t < T; ++t) p[t] = vec_zero();
    }
    int depth = 0;
    for (; (g >> depth) & 1; ++depth) {
      for (int t = 0; t < T; ++t) p[t] = vec_add(level[depth][t], p[t]);
    }
    if (depth < 3) {
      for (int t = 0; t < T; ++t) level[depth][t] = p[t];
      continue;
    }
    for (int t = 0; t < T; ++t) {
      const Vec term = vec_mul(p[t], vec_set(acts[t]->scale));
      vec_store(out[t], vec_add(vec_load(out[t]), term));
    }
  }
}

// One block of one panel, ready to be multiplied with any tokens.
template <class Format>
struct SuperKernel {
  static constexpr int kBlockBytes = Format::kBytes;
  static void fill(const PanelRows& rows, int64_t offset, int, Panel& panel) {
    fill_super_panel<Format>(rows, offset, panel);
  }
  template <int T>
  static void multiply(const Panel& panel, int, const ActBlock* const acts[T],
                       float (*out)[kPanelRows]) {
    super_panel<Format, T>(panel, acts, out);
  }
};
template <class Format>
struct GroupKernel {
  static constexpr int kBlockBytes = 8 * Format::kBytes;
  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
    fill_group_panel<Format>(rows, offset, n_groups, panel);
  }
  template <int T>
  static void multiply(const Panel& panel, int n_groups, const ActBlock* const acts[T],
                       float (*out)[kPanelRows]) {
    group_panel<Format, T>(panel, n_groups, acts, out);
  }
};

// Tokens [t, n_tokens) of the chunk, T at a time while there are so many.
template <class Kernel, int T>
inline void multiply_tokens(const Panel& panel, int n_groups, const MatmulTile& tile, int block,
                            int first, int n_tokens, float (*out)[kPanelRows]) {
  int t = 0;
  for (; t + T <= n_tokens; t += T) {
    const ActBlock* acts[T];
    for (int i = 0; i < T; ++i) {
      acts[i] =
          reinterpret_cast<const ActBlock*>(tile.acts + (first + t + i) * tile.act_bytes) + block;
    }
    Kernel::template multiply<T>(panel, n_groups, acts, out + t);
  }
  if constexpr (T > 1) {
    multiply_tokens<Kernel, T / 2>(panel, n_groups, tile, block, first + t, n_tokens - t, out + t);
  }
}

template <class Kernel>
void panel_matmul(const MatmulTile& tile) {
  const int n_blocks = (tile.n_cols + 255) / 256;
  alignas(64) float sums[kChunkTokens][kPanelRows];
  Panel panel;
  for (int r0 = 0; r0 < tile.n_rows; r0 += kPanelRows) {
    const PanelRows rows = panel_rows(tile, r0);
    const int n_rows = tile.n_rows - r0 < kPanelRows ? tile.n_rows - r0 : kPanelRows;
    for (int t0 = 0; t0 < tile.n_tokens; t0 += kChunkTokens) {
      const int rest = tile.n_tokens - t0, n_tokens = rest < kChunkTokens ? rest : kChunkTokens;
      for (int t = 0; t < n_tokens; ++t) vec_store(sums[t], vec_zero());
      for (int b = 0; b < n_blocks; ++b) {
        const int groups_left = tile.n_cols / 32 - 8 * b;
        const int n_groups = groups_left < 8 ? groups_left : 8;
        Kernel::fill(rows, static_cast<int64_t>(b) * Kernel::kBlockBytes, n_groups, panel);
        multiply_tokens<Kernel, kPanelTokens>(panel, n_groups, tile, b, t0, n_tokens, sums);
      }
      for (int t = 0; t < n_tokens; ++t) {
        float* out = tile.out + (t0 + t) * tile.out_stride + r0;
        if (n_rows == kPanelRows) {
          vec_store(out, vec_load(sums[t]));
        } else {
          vec_store_n(out, vec_load(sums[t]), n_rows);
        }
      }
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
