// SPDX-License-Identifier: MIT
// Products with 3 or 5 to 16 or 24 tokens: panels of 16 rows whose lanes are rows, but of the codes
// as they are, with activations cut into two digits of 7 bits (dot_digits.h): rows are transposed
// packed, a quarter of what words with their scales would be, and no sum is added over lanes. What
// is common to all formats; those are in codes_super.avx512vnni.h and codes_groups.avx512vnni.h.
// In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/dot_digits.h"
#include "backend/cpu/kernels/dot_panel.h"
#include "backend/cpu/kernels/dot_quads.avx512vnni.h"
#include "backend/cpu/kernels/panel_rows.h"

namespace hearth::cpu {
namespace {

inline __m512i four_digits(const int8_t* digits) {
  int quad;
  __builtin_memcpy(&quad, digits, 4);
  return _mm512_set1_epi32(quad);
}

// acc[p][t] += four codes of each row of panel p times four digits of token t, for kQuads quads
// from `from` on. `digits`: those of token 0; token t's lie kStride bytes behind those of t - 1.
template <int T, int P>
using CodeSums = __m512i[P][T];
template <int T, int P, int kQuads, int kStride, class Panel>
HEARTH_INLINE inline void dot_codes(const Panel* panels, int from, const int8_t* digits,
                                    CodeSums<T, P>& acc) {
#pragma GCC unroll 8
  for (int quad = from; quad < from + kQuads; ++quad) {
    __m512i w[P];
    for (int p = 0; p < P; ++p) w[p] = _mm512_load_si512(panels[p].codes[quad]);
    for (int t = 0; t < T; ++t) {
      const __m512i x = four_digits(digits + t * kStride + 4 * quad);
      for (int p = 0; p < P; ++p) acc[p][t] = dot_quads<false>(acc[p][t], w[p], x);
    }
  }
}

// A format has kBytes: of 256 columns; kFewestTokens: for which this is quicker than unpacking four
// rows at a time; kMostTokens: for which it is quicker than panels of words; Panel: what these of
// 16 rows are unpacked to, by fill(); Digits: as many activations of one token, made by cut(),
// which is false where their sums would not fit; add(): totals[t][p] += what the block gives for
// panel p and token t. A last block may have fewer than 8 groups of 32 columns.
template <int P>
using CodeTotals = float[][P][kPanelRows];
HEARTH_INLINE inline void add_scaled_lanes(float* to, __m512 value, float scale) {
  const __m512 scaled = _mm512_mul_ps(value, _mm512_set1_ps(scale));
  _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), scaled));
}

// The rows of panels: lane r of panel p is row first + (16 p + r) * step. Distant rows, so that
// each is read on and on: streams that a core's prefetchers follow, where neighbours would be read
// in pieces. Where there is no such row, row `first` of lane 0 stands in.
struct CodeRows {
  int first, step;
  // How many lanes of panel p have a row.
  int n_lanes(const MatmulTile& tile, int p) const {
    if (first >= step) return 0;
    const int n = (tile.n_rows - first + step - 1) / step - p * kPanelRows;
    return n < 0 ? 0 : n < kPanelRows ? n : kPanelRows;
  }
  int index(int p, int r) const { return first + (p * kPanelRows + r) * step; }
};
inline PanelRows code_panel_rows(const MatmulTile& tile, const CodeRows& rows, int p) {
  PanelRows panel;
  const int n_lanes = rows.n_lanes(tile, p);
  for (int r = 0; r < kPanelRows; ++r) {
    const int64_t index = r < n_lanes ? rows.index(p, r) : rows.first;
    panel.row[r] = tile.weights + index * tile.row_bytes;
  }
  return panel;
}

// What was written for the rows of P panels.
template <int P>
inline void read_results(const MatmulTile& tile, const CodeRows& rows, CodeTotals<P> totals) {
  for (int p = 0; p < P; ++p) {
    for (int r = 0; r < rows.n_lanes(tile, p); ++r) {
      for (int t = 0; t < tile.n_tokens; ++t) {
        totals[t][p][r] = tile.out[t * tile.out_stride + rows.index(p, r)];
      }
    }
  }
}

// Writes the results of two rows of each lane, which lie side by side; the second as far as there
// is one.
template <int P>
inline void write_results(const MatmulTile& tile, const CodeRows& rows, const CodeTotals<P> even,
                          const CodeTotals<P> odd) {
  const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i high = _mm512_add_epi32(low, _mm512_set1_epi32(8));
  for (int p = 0; p < P; ++p) {
    const int n_lanes = rows.n_lanes(tile, p);
    const int n_pairs = CodeRows{rows.first + 1, rows.step}.n_lanes(tile, p);
    for (int t = 0; t < tile.n_tokens; ++t) {
      alignas(64) float pairs[kPanelRows][2];
      const __m512 a = _mm512_load_ps(even[t][p]), b = _mm512_load_ps(odd[t][p]);
      _mm512_store_ps(pairs[0], _mm512_permutex2var_ps(a, low, b));
      _mm512_store_ps(pairs[8], _mm512_permutex2var_ps(a, high, b));
      float* out = tile.out + t * tile.out_stride + rows.index(p, 0);
      for (int r = 0; r < n_pairs; ++r) {
        __builtin_memcpy(out + int64_t{r} * rows.step, pairs[r], sizeof(pairs[r]));
      }
      for (int r = n_pairs; r < n_lanes; ++r) out[int64_t{r} * rows.step] = pairs[r][0];
    }
  }
}

// totals[t][p] += n_blocks blocks of activations from `first_block` on, for the rows of P panels.
template <class Format, int kTokens, int T, int P>
void add_codes_of_rows(const MatmulTile& tile, const CodeRows& rows, int first_block, int n_blocks,
                       const typename Format::Digits* acts, CodeTotals<P> totals) {
  PanelRows panel_rows[P];
  for (int p = 0; p < P; ++p) panel_rows[p] = code_panel_rows(tile, rows, p);
  const int64_t begin = int64_t{first_block} * Format::kBytes;
  typename Format::Panel panels[P];
  for (int b = 0; b < n_blocks; ++b) {
    const int64_t at = begin + int64_t{b} * Format::kBytes;
    // What comes next in these rows, then in those behind them.
    const int64_t next = b + 1 < n_blocks ? at + Format::kBytes : begin + tile.row_bytes;
    const int groups_left = tile.n_cols / 32 - 8 * (first_block + b);
    const int n_groups = groups_left < 8 ? groups_left : 8;
    for (int p = 0; p < P; ++p) Format::fill(panel_rows[p], at, n_groups, panels[p]);
    const int n_tiles = (tile.n_tokens + T - 1) / T;
    for (int i = 0; i < n_tiles; ++i) {
      fetch_share(panel_rows, P, i, n_tiles, next, Format::kBytes);
      Format::template add<T, P>(panels, acts + b * kTokens + T * i, n_groups, totals + T * i);
    }
  }
}

// At most kTokens tokens; the last stands in for those past the end. False, with the results still
// to be computed, where the activations' digits do not fit.
template <class Format, int kTokens, int T, int P>
bool codes_matmul(const MatmulTile& tile) {
  // Up to 352 KiB of the stack: 16384 columns of 8 tokens. Longer rows go in several passes.
  constexpr int kBlocks = 512 / kTokens;
  typename Format::Digits acts[kBlocks * kTokens];
  const int all_blocks = (tile.n_cols + 255) / 256;
  const Acts<kTokens> rows_of_acts = act_rows<kTokens>(tile);
  const int step = (tile.n_rows + P * kPanelRows - 1) / (P * kPanelRows);
  for (int first = 0; first < all_blocks; first += kBlocks) {
    const int n_blocks = all_blocks - first < kBlocks ? all_blocks - first : kBlocks;
    for (int b = 0; b < n_blocks; ++b) {
      for (int t = 0; t < kTokens; ++t) {
        if (!Format::cut(rows_of_acts.block[t][first + b], acts[b * kTokens + t])) return false;
      }
    }
    for (int row = 0; row < step; row += 2) {
      alignas(64) float totals[2][kTokens][P][kPanelRows] = {};
      for (int k = 0; k < 2 && row + k < step; ++k) {
        const CodeRows rows{row + k, step};
        if (first > 0) read_results<P>(tile, rows, totals[k]);
        add_codes_of_rows<Format, kTokens, T, P>(tile, rows, first, n_blocks, acts, totals[k]);
      }
      write_results<P>(tile, {row, step}, totals[0], totals[1]);
    }
  }
  return true;
}

// Four tokens at a time and two panels, so that each weight and each activation that is loaded
// serves twice and more.
template <class Format>
bool matmul_codes(const MatmulTile& tile) {
  if (tile.n_tokens < Format::kFewestTokens || tile.n_tokens > Format::kMostTokens) return false;
  if constexpr (Format::kFewestTokens <= 4) {
    if (tile.n_tokens <= 4) return codes_matmul<Format, 4, 4, 1>(tile);
  }
  if (tile.n_tokens <= 8) return codes_matmul<Format, 8, 4, 2>(tile);
  if constexpr (Format::kMostTokens > 16) {
    if (tile.n_tokens > 16) return codes_matmul<Format, Format::kMostTokens, 4, 2>(tile);
  }
  return codes_matmul<Format, 16, 4, 2>(tile);
}

}  // namespace
}  // namespace hearth::cpu
