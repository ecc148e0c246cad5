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

// The rows of P panels: lane r of panel p is row first + p + r * step. Distant rows, so that each
// is read on and on: 16 streams that a core's prefetchers follow, where 16 neighbours would be read
// in pieces. Where there is no such row, row `first` of lane 0 stands in.
struct CodeRows {
  int first, step;
  bool exists(const MatmulTile& tile, int p, int r) const {
    return first + p < step && index(p, r) < tile.n_rows;
  }
  int index(int p, int r) const { return first + p + r * step; }
};
inline PanelRows code_panel_rows(const MatmulTile& tile, const CodeRows& rows, int p) {
  PanelRows panel;
  for (int r = 0; r < kPanelRows; ++r) {
    const int64_t index = rows.exists(tile, p, r) ? rows.index(p, r) : rows.first;
    panel.row[r] = tile.weights + index * tile.row_bytes;
  }
  return panel;
}

// each(out, total) for the results of P panels, as far as there are such rows.
template <int P, class Each>
inline void for_results(const MatmulTile& tile, const CodeRows& rows, float totals[][P][kPanelRows],
                        const Each& each) {
  for (int p = 0; p < P; ++p) {
    for (int r = 0; r < kPanelRows; ++r) {
      if (!rows.exists(tile, p, r)) break;
      for (int t = 0; t < tile.n_tokens; ++t) {
        each(tile.out[t * tile.out_stride + rows.index(p, r)], totals[t][p][r]);
      }
    }
  }
}

// n_blocks blocks of activations from `first_block` on, for the rows of P panels.
template <class Format, int kTokens, int T, int P>
void codes_of_rows(const MatmulTile& tile, const CodeRows& rows, int first_block, int n_blocks,
                   const typename Format::Digits* acts) {
  PanelRows panel_rows[P];
  for (int p = 0; p < P; ++p) panel_rows[p] = code_panel_rows(tile, rows, p);
  const int64_t begin = int64_t{first_block} * Format::kBytes;
  alignas(64) float totals[kTokens][P][kPanelRows] = {};
  if (first_block > 0) {
    for_results<P>(tile, rows, totals, [](float out, float& total) { total = out; });
  }
  typename Format::Panel panels[P];
  for (int b = 0; b < n_blocks; ++b) {
    const int64_t at = begin + int64_t{b} * Format::kBytes;
    // What comes next in these rows, then in those behind them.
    const int64_t next = b + 1 < n_blocks ? at + Format::kBytes : begin + P * tile.row_bytes;
    const int groups_left = tile.n_cols / 32 - 8 * (first_block + b);
    const int n_groups = groups_left < 8 ? groups_left : 8;
    for (int p = 0; p < P; ++p) Format::fill(panel_rows[p], at, n_groups, panels[p]);
    const int n_tiles = (tile.n_tokens + T - 1) / T;
    for (int i = 0; i < n_tiles; ++i) {
      fetch_share(panel_rows, P, i, n_tiles, next, Format::kBytes);
      Format::template add<T, P>(panels, acts + b * kTokens + T * i, n_groups, totals + T * i);
    }
  }
  for_results<P>(tile, rows, totals, [](float& out, float total) { out = total; });
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
  const int step = (tile.n_rows + kPanelRows - 1) / kPanelRows;
  for (int first = 0; first < all_blocks; first += kBlocks) {
    const int n_blocks = all_blocks - first < kBlocks ? all_blocks - first : kBlocks;
    for (int b = 0; b < n_blocks; ++b) {
      for (int t = 0; t < kTokens; ++t) {
        if (!Format::cut(rows_of_acts.block[t][first + b], acts[b * kTokens + t])) return false;
      }
    }
    for (int row = 0; row < step; row += P) {
      codes_of_rows<Format, kTokens, T, P>(tile, {row, step}, first, n_blocks, acts);
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
