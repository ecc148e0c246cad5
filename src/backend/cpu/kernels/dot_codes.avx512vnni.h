// SPDX-License-Identifier: MIT
// Products of q4_k with 5 to 16 tokens: panels of 16 rows whose lanes are rows, but of the 4-bit
// codes as they are, with activations cut into two digits of 7 bits (dot_digits.h): rows are
// transposed packed, a quarter of what words with their scales would be, and no sum is added over
// lanes. In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/dot_digits.h"
#include "backend/cpu/kernels/dot_panel.h"
#include "backend/cpu/kernels/dot_quads.avx512vnni.h"
#include "backend/cpu/kernels/panel_rows.h"

namespace hearth::cpu {
namespace {

constexpr int kCodeBytes = sizeof(layout::BlockQ4_K), kCodeDwords = kCodeBytes / 4;

struct alignas(64) CodePanel {
  uint8_t codes[64][kPanelRows][4];
  int32_t scales[8][kPanelRows];  // words: scale, 128 scale
  int32_t mins[8][kPanelRows];    // words: 256 min, min, as SumPair
  float d[kPanelRows], dmin[kPanelRows];
};

inline __m512 halves_of_lanes(__m512i lanes) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(lanes));
}

// Scales and minima from the head's dwords (KHeads in digits.avx512.h).
inline void fill_code_scales(const uint32_t head[4][kPanelRows], CodePanel& panel) {
  const __m512i halves = _mm512_load_si512(head[0]), a = _mm512_load_si512(head[1]);
  const __m512i b = _mm512_load_si512(head[2]), c = _mm512_load_si512(head[3]);
  _mm512_store_ps(panel.d, halves_of_lanes(halves));
  _mm512_store_ps(panel.dmin, halves_of_lanes(_mm512_srli_epi32(halves, 16)));
  const auto put = [&](int g, __m512i scale, __m512i min) {
    _mm512_store_si512(panel.scales[g], _mm512_or_si512(scale, _mm512_slli_epi32(scale, 16 + 7)));
    _mm512_store_si512(panel.mins[g],
                       _mm512_or_si512(_mm512_slli_epi32(min, 8), _mm512_slli_epi32(min, 16)));
  };
  const auto bits = [](__m512i lanes, int from, int mask) {
    return _mm512_and_si512(_mm512_srl_epi32(lanes, _mm_cvtsi32_si128(from)),
                            _mm512_set1_epi32(mask));
  };
  for (int i = 0; i < 4; ++i) {
    put(i, bits(a, 8 * i, 63), bits(b, 8 * i, 63));
    put(i + 4, _mm512_or_si512(bits(c, 8 * i, 15), bits(a, 8 * i + 2, 0x30)),
        _mm512_or_si512(bits(c, 8 * i + 4, 15), bits(b, 8 * i + 2, 0x30)));
  }
}

inline void fill_code_panel(const PanelRows& rows, int64_t offset, CodePanel& panel) {
  alignas(64) uint32_t packed[kCodeDwords][kPanelRows];
  for (int i = 0; i < kCodeDwords; i += 16) {
    const int first = i + 16 <= kCodeDwords ? i : kCodeDwords - 16;
    transpose_rows_16([&](int r) { return rows.row[r] + offset + 4 * first; }, packed[first]);
  }
  const __m512i nibbles = _mm512_set1_epi8(15);
  for (int c = 0; c < 32; ++c) {
    const __m512i bytes = _mm512_load_si512(packed[4 + c]);
    const int quad = c / 8 * 16 + c % 8;
    _mm512_store_si512(panel.codes[quad], _mm512_and_si512(bytes, nibbles));
    _mm512_store_si512(panel.codes[quad + 8],
                       _mm512_and_si512(_mm512_srli_epi32(bytes, 4), nibbles));
  }
  fill_code_scales(packed, panel);
}

// A block of activations as digits in the order of the columns.
inline void cut_act(const ActBlock& act, DigitBlock& out) {
  for (int i = 0; i < kActBlock; i += 32) cut_digits(act.x + i, out.high + i, out.low + i);
  __builtin_memcpy(out.sums, act.sum32, sizeof(act.sum32));
  out.scale = act.scale;
}

inline __m512i four_digits(const int8_t* digits) {
  int quad;
  __builtin_memcpy(&quad, digits, 4);
  return _mm512_set1_epi32(quad);
}

// Tiles of T tokens and P panels, T * P = 8: two digits' sums of each and their total stay in 24
// registers. Exact sums of one block:
template <int T, int P>
using CodeSums = __m512i[P][T];

// The sums of scale * code * x.
template <int T, int P>
HEARTH_INLINE inline void code_sums(const CodePanel* panels, const DigitBlock* x,
                                    CodeSums<T, P>& sums) {
  clear<T, P>(sums);
  for (int g = 0; g < 8; ++g) {
    CodeSums<T, P> high, low;
    clear<T, P>(high);
    clear<T, P>(low);
#pragma GCC unroll 8
    for (int quad = 8 * g; quad < 8 * (g + 1); ++quad) {
      __m512i w[P];
      for (int p = 0; p < P; ++p) w[p] = _mm512_load_si512(panels[p].codes[quad]);
      for (int t = 0; t < T; ++t) {
        const __m512i a = four_digits(x[t].high + 4 * quad), b = four_digits(x[t].low + 4 * quad);
        for (int p = 0; p < P; ++p) high[p][t] = dot_quads<false>(high[p][t], w[p], a);
        for (int p = 0; p < P; ++p) low[p][t] = dot_quads<false>(low[p][t], w[p], b);
      }
    }
    for (int p = 0; p < P; ++p) {
      const __m512i scales = _mm512_load_si512(panels[p].scales[g]);
      for (int t = 0; t < T; ++t) {
        // Both fit 16 bits: 32 * 15 * 64.
        const __m512i words =
            _mm512_mask_blend_epi16(0xaaaaaaaa, low[p][t], _mm512_slli_epi32(high[p][t], 16));
        sums[p][t] = dot_pairs(sums[p][t], words, scales);
      }
    }
  }
}

// The sums of min * sum(x).
template <int T, int P>
HEARTH_INLINE inline void code_min_sums(const CodePanel* panels, const DigitBlock* x,
                                        CodeSums<T, P>& sums) {
  clear<T, P>(sums);
#pragma GCC unroll 8
  for (int g = 0; g < 8; ++g) {
    for (int t = 0; t < T; ++t) {
      int pair;
      __builtin_memcpy(&pair, &x[t].sums[g], 4);
      for (int p = 0; p < P; ++p) {
        sums[p][t] =
            dot_pairs(sums[p][t], _mm512_load_si512(panels[p].mins[g]), _mm512_set1_epi32(pair));
      }
    }
  }
}

// totals[t] += (d * S - dmin * M) * scale.
template <int T, int P>
inline void multiply_codes(const CodePanel* panels, const DigitBlock* x,
                           float totals[][P * kPanelRows]) {
  CodeSums<T, P> products, minima;
  code_sums<T, P>(panels, x, products);
  code_min_sums<T, P>(panels, x, minima);
  for (int t = 0; t < T; ++t) {
    const __m512 scale = _mm512_set1_ps(x[t].scale);
    for (int p = 0; p < P; ++p) {
      const __m512 sum =
          _mm512_mul_ps(_mm512_load_ps(panels[p].d), _mm512_cvtepi32_ps(products[p][t]));
      const __m512 minimum =
          _mm512_mul_ps(_mm512_load_ps(panels[p].dmin), _mm512_cvtepi32_ps(minima[p][t]));
      float* to = totals[t] + kPanelRows * p;
      const __m512 scaled = _mm512_mul_ps(_mm512_sub_ps(sum, minimum), scale);
      _mm512_store_ps(to, _mm512_add_ps(_mm512_load_ps(to), scaled));
    }
  }
}

// Reads or writes the results of P panels from row r0 on, as far as there are.
template <int P, class Each>
inline void for_results(const MatmulTile& tile, int r0, float totals[][P * kPanelRows],
                        const Each& each) {
  for (int t = 0; t < tile.n_tokens; ++t) {
    for (int p = 0; p < P; ++p) {
      const int row = r0 + kPanelRows * p, left = tile.n_rows - row;
      float* out = tile.out + t * tile.out_stride + row;
      if (left > 0) each(out, totals[t] + kPanelRows * p, left < kPanelRows ? left : kPanelRows);
    }
  }
}

// n_blocks blocks of activations from `first` on, for the rows of P panels from r0 on.
template <int kTokens, int T, int P>
void codes_of_rows(const MatmulTile& tile, int r0, int first, int n_blocks,
                   const DigitBlock* acts) {
  PanelRows rows[P];
  for (int p = 0; p < P; ++p) rows[p] = panel_rows(tile, r0 + kPanelRows * p);
  const int64_t begin = int64_t{first} * kCodeBytes, next_rows = P * kPanelRows * tile.row_bytes;
  alignas(64) float totals[kTokens][P * kPanelRows] = {};
  if (first > 0) {
    for_results<P>(tile, r0, totals,
                   [](float* out, float* total, int n) { vec_store(total, vec_load_n(out, n)); });
  }
  CodePanel panels[P];
  for (int b = 0; b < n_blocks; ++b) {
    const int64_t at = begin + int64_t{b} * kCodeBytes;
    for (int p = 0; p < P; ++p) {
      fetch_rows(rows[p], b + 1 < n_blocks ? at + kCodeBytes : begin + next_rows, kCodeBytes);
      fill_code_panel(rows[p], at, panels[p]);
    }
    for (int t = 0; t < tile.n_tokens; t += T) {
      multiply_codes<T, P>(panels, acts + b * kTokens + t, totals + t);
    }
  }
  for_results<P>(tile, r0, totals,
                 [](float* out, float* total, int n) { vec_store_n(out, vec_load(total), n); });
}

// At most kTokens tokens; the last stands in for those past the end.
template <int kTokens, int T, int P>
void codes_matmul(const MatmulTile& tile) {
  // As many as lie in a first-level cache with a panel: 41 KB of the stack. Longer rows go in
  // several passes.
  constexpr int kBlocks = 64 / kTokens;
  DigitBlock acts[kBlocks * kTokens];
  const int all_blocks = tile.n_cols / 256;
  const Acts<kTokens> rows_of_acts = act_rows<kTokens>(tile);
  for (int first = 0; first < all_blocks; first += kBlocks) {
    const int n_blocks = all_blocks - first < kBlocks ? all_blocks - first : kBlocks;
    for (int b = 0; b < n_blocks; ++b) {
      for (int t = 0; t < kTokens; ++t) {
        cut_act(rows_of_acts.block[t][first + b], acts[b * kTokens + t]);
      }
    }
    for (int r0 = 0; r0 < tile.n_rows; r0 += P * kPanelRows) {
      codes_of_rows<kTokens, T, P>(tile, r0, first, n_blocks, acts);
    }
  }
}

// Eight tokens want each weight once; more want each activation to serve two panels.
void matmul_codes(const MatmulTile& tile) {
  if (tile.n_tokens <= 8) return codes_matmul<8, 8, 1>(tile);
  codes_matmul<16, 4, 2>(tile);
}

}  // namespace
}  // namespace hearth::cpu
