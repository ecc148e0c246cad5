// SPDX-License-Identifier: MIT
// Code panels (dot_codes.avx512vnni.h) of formats in super-blocks: q4_k and q6_k.
#pragma once
#include "backend/cpu/kernels/dot_codes.avx512vnni.h"

namespace hearth::cpu {
namespace {

struct Q4KCodes {
  static constexpr int kBytes = sizeof(layout::BlockQ4_K);
  static constexpr int kFewestTokens = 3, kMostTokens = 24;
  struct alignas(64) Panel {
    uint8_t codes[64][kPanelRows][4];
    int32_t scales[8][2][kPanelRows];  // low words: scale; 128 scale. High words: 0
    int32_t mins[8][kPanelRows];       // words: 256 min, min, as SumPair
    float d[kPanelRows], dmin[kPanelRows];
  };
  using Digits = DigitBlock;

  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel);
  static bool cut(const ActBlock& act, Digits& out);
  template <int T, int P>
  static void add(const Panel* panels, const Digits* x, int n_groups, CodeTotals<P> totals);

 private:
  static void fill_head(const __m512i head[4], Panel& panel);
};

struct Q6KCodes {
  static constexpr int kBytes = sizeof(layout::BlockQ6_K);
  static constexpr int kFewestTokens = 3, kMostTokens = 24;
  struct alignas(64) Panel {
    uint8_t codes[64][kPanelRows][4];  // with their zero point of 32
    int32_t scales[16][kPanelRows];    // low words: scale; high words: 0
    float d[kPanelRows];
  };
  // x = 128 high + low with -63 <= low <= 64; where a group's sums begin: -32 times its digits.
  struct alignas(64) Digits {
    int8_t high[256], low[256];
    int32_t high_begin[16], low_begin[16];
    float scale;
  };

  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel);
  static bool cut(const ActBlock& act, Digits& out);
  template <int T, int P>
  static void add(const Panel* panels, const Digits* x, int n_groups, CodeTotals<P> totals);

 private:
  static void fill_head(const PanelRows& rows, int64_t offset, Panel& panel);
};

// A block of activations as digits in the order of the columns. False where the sums of a group do
// not fit the words that they are multiplied as (never with q4_k: 32 * 15 * 64).
inline bool Q4KCodes::cut(const ActBlock& act, Digits& out) {
  for (int i = 0; i < kActBlock; i += 32) cut_digits<64>(act.x + i, out.high + i, out.low + i);
  __builtin_memcpy(out.sums, act.sum32, sizeof(act.sum32));
  out.scale = act.scale;
  return true;
}

// Sums of (code - 32) * digit over 16 columns: those of low digits are from -32 * 16 * 64 to 32 *
// 16
// * 63, words; those of high ones, from -64 on, too, unless all 16 are as large as they can be.
inline bool Q6KCodes::cut(const ActBlock& act, Digits& out) {
  for (int i = 0; i < kActBlock; i += 32) cut_digits<63>(act.x + i, out.high + i, out.low + i);
  bool all_large = false;
  for (int i = 0; i < 4; ++i) {
    const __m512i high =
        _mm512_add_epi8(_mm512_load_si512(out.high + 64 * i), _mm512_set1_epi8(64));
    alignas(64) int64_t sums[8];
    _mm512_store_si512(sums, _mm512_sad_epu8(high, _mm512_setzero_si512()));
    for (int g = 4 * i; g < 4 * (i + 1); ++g) {
      const auto high_sum =
          static_cast<int32_t>(sums[2 * (g % 4)] + sums[2 * (g % 4) + 1]) - 16 * 64;
      const int32_t sum = 256 * act.sum16[g].high + act.sum16[g].low;
      out.high_begin[g] = -32 * high_sum;
      out.low_begin[g] = -32 * (sum - 128 * high_sum);
    }
    const __mmask64 large = _mm512_testn_epi8_mask(high, _mm512_set1_epi8(127));
    for (int g = 0; g < 64; g += 16) all_large = all_large || (large >> g & 0xffff) == 0xffff;
  }
  out.scale = act.scale;
  return !all_large;
}

inline __m512 halves_of_lanes(__m512i lanes) {
  return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(lanes));
}
// Byte kByte of each dword (-1: 0) at each of the four places.
template <int kA, int kB, int kC, int kD>
inline __m512i bytes_of_dwords(__m512i dwords) {
  constexpr auto at = [](int byte, int dword) { return byte < 0 ? -1 : 4 * dword + byte; };
  const auto quad = [&](int i) {
    return (at(kA, i) & 255) | (at(kB, i) & 255) << 8 | (at(kC, i) & 255) << 16 |
           static_cast<int>(static_cast<unsigned>(at(kD, i) & 255) << 24);
  };
  return _mm512_shuffle_epi8(
      dwords, _mm512_broadcast_i32x4(_mm_setr_epi32(quad(0), quad(1), quad(2), quad(3))));
}

// Scales and minima from the head's dwords (KHeads in digits.avx512.h).
inline void Q4KCodes::fill_head(const __m512i head[4], Panel& panel) {
  _mm512_store_ps(panel.d, halves_of_lanes(head[0]));
  _mm512_store_ps(panel.dmin, halves_of_lanes(_mm512_srli_epi32(head[0], 16)));
  const auto masked = [](__m512i lanes, int mask) {
    return _mm512_and_si512(lanes, _mm512_set1_epi32(mask));
  };
  // As bytes: of groups 0 to 3, then 4 to 7.
  const auto six_bits = [&](__m512i low, __m512i high, __m512i& first, __m512i& last) {
    first = masked(low, 0x3f3f3f3f);
    last = _mm512_or_si512(masked(high, 0x0f0f0f0f), masked(_mm512_srli_epi32(low, 2), 0x30303030));
  };
  __m512i scales[2], mins[2];
  six_bits(head[1], head[3], scales[0], scales[1]);
  six_bits(head[2], _mm512_srli_epi32(head[3], 4), mins[0], mins[1]);
  unroll<0, 8>([&](auto group) HEARTH_INLINE {
    constexpr int g = group.value, k = g % 4;
    const __m512i scale = bytes_of_dwords<k, -1, -1, -1>(scales[g / 4]);
    _mm512_store_si512(panel.scales[g][0], scale);
    _mm512_store_si512(panel.scales[g][1], _mm512_slli_epi32(scale, 7));
    _mm512_store_si512(panel.mins[g], bytes_of_dwords<-1, k, k, -1>(mins[g / 4]));
  });
}

inline void Q4KCodes::fill(const PanelRows& rows, int64_t offset, int, Panel& panel) {
  __m512i head[4];
  rows_16_bytes(rows, offset, head);
  fill_head(head, panel);
  each_k_nibbles(rows, offset + 16, [&](int quad, __m512i codes) HEARTH_INLINE {
    _mm512_store_si512(panel.codes[quad], codes);
  });
}

inline void Q6KCodes::fill_head(const PanelRows& rows, int64_t offset, Panel& panel) {
  __m512i scales[4];
  rows_16_bytes(rows, offset + 192, scales);
  unroll<0, 16>([&](auto group) HEARTH_INLINE {
    constexpr int g = group.value;
    const __m512i top = bytes_of_dwords<-1, g % 4, -1, -1>(scales[g / 4]);
    _mm512_store_si512(panel.scales[g], _mm512_srai_epi16(top, 8));
  });
  // The last two bytes of a block, read with the two before them.
  vec_store(panel.d, vec_of_low_halves(ints_right<16>(rows_dword(rows, offset + 206))));
}

inline void Q6KCodes::fill(const PanelRows& rows, int64_t offset, int, Panel& panel) {
  each_q6_k(rows, offset, [&](int quad, __m512i codes) HEARTH_INLINE {
    _mm512_store_si512(panel.codes[quad], codes);
  });
  fill_head(rows, offset, panel);
}

// Tiles of T tokens and P panels, T * P = 8: all sums stay in 24 registers.
template <int T, int P>
HEARTH_OWN_FUNCTION void Q4KCodes::add(const Panel* panels, const Digits* x, int,
                                       CodeTotals<P> totals) {
  // The sums of scale * code * x.
  CodeSums<T, P> products, minima;
  clear<T, P>(products);
  for (int g = 0; g < 8; ++g) {
    CodeSums<T, P> high, low;
    clear<T, P>(high);
    clear<T, P>(low);
#pragma GCC unroll 8
    for (int quad = 8 * g; quad < 8 * (g + 1); ++quad) {
      dot_codes<T, P, 1, sizeof(Digits)>(panels, quad, x->high, high);
      dot_codes<T, P, 1, sizeof(Digits)>(panels, quad, x->low, low);
    }
    for (int p = 0; p < P; ++p) {
      const __m512i one = _mm512_load_si512(panels[p].scales[g][0]);
      const __m512i many = _mm512_load_si512(panels[p].scales[g][1]);
      for (int t = 0; t < T; ++t) products[p][t] = dot_pairs(products[p][t], low[p][t], one);
      for (int t = 0; t < T; ++t) products[p][t] = dot_pairs(products[p][t], high[p][t], many);
    }
  }
  // The sums of min * sum(x).
  clear<T, P>(minima);
#pragma GCC unroll 8
  for (int g = 0; g < 8; ++g) {
    for (int t = 0; t < T; ++t) {
      int pair;
      __builtin_memcpy(&pair, &x[t].sums[g], 4);
      for (int p = 0; p < P; ++p) {
        minima[p][t] =
            dot_pairs(minima[p][t], _mm512_load_si512(panels[p].mins[g]), _mm512_set1_epi32(pair));
      }
    }
  }
  for (int p = 0; p < P; ++p) {
    const __m512 d = _mm512_load_ps(panels[p].d), dmin = _mm512_load_ps(panels[p].dmin);
    for (int t = 0; t < T; ++t) {
      const __m512 value = _mm512_sub_ps(_mm512_mul_ps(d, _mm512_cvtepi32_ps(products[p][t])),
                                         _mm512_mul_ps(dmin, _mm512_cvtepi32_ps(minima[p][t])));
      add_scaled_lanes(totals[t][p], value, x[t].scale);
    }
  }
}

// 128 high + low, rounded once.
inline __m512 join_lanes(__m512i high, __m512i low) {
  const auto half = [](__m256i h, __m256i l) {
    return _mm512_cvtpd_ps(
        _mm512_fmadd_pd(_mm512_cvtepi32_pd(h), _mm512_set1_pd(128), _mm512_cvtepi32_pd(l)));
  };
  const __m256 first = half(_mm512_castsi512_si256(high), _mm512_castsi512_si256(low));
  const __m256 last = half(_mm512_extracti64x4_epi64(high, 1), _mm512_extracti64x4_epi64(low, 1));
  return _mm512_insertf32x8(_mm512_castps256_ps512(first), last, 1);
}

// Both digits' sums are kept apart, since together they exceed 32 bits; one digit after the other,
// since three sums of each token and panel would not fit the registers.
template <int T, int P>
HEARTH_OWN_FUNCTION void Q6KCodes::add(const Panel* panels, const Digits* x, int,
                                       CodeTotals<P> totals) {
  CodeSums<T, P> high, low;
  clear<T, P>(high);
  clear<T, P>(low);
  const auto add_group = [&](int g, const int8_t* digits, const int32_t* begin,
                             CodeSums<T, P>& sums) HEARTH_INLINE {
    CodeSums<T, P> acc;
    for (int t = 0; t < T; ++t) {
      const __m512i first = _mm512_set1_epi32(begin[t * (sizeof(Digits) / 4) + g]);
      for (int p = 0; p < P; ++p) acc[p][t] = first;
    }
    dot_codes<T, P, 4, sizeof(Digits)>(panels, 4 * g, digits, acc);
    for (int p = 0; p < P; ++p) {
      const __m512i scale = _mm512_load_si512(panels[p].scales[g]);
      for (int t = 0; t < T; ++t) sums[p][t] = dot_pairs(sums[p][t], acc[p][t], scale);
    }
  };
  for (int g = 0; g < 16; ++g) {
    add_group(g, x->high, x->high_begin, high);
    add_group(g, x->low, x->low_begin, low);
  }
  for (int p = 0; p < P; ++p) {
    const __m512 d = _mm512_load_ps(panels[p].d);
    for (int t = 0; t < T; ++t) {
      const __m512 value = _mm512_mul_ps(d, join_lanes(high[p][t], low[p][t]));
      add_scaled_lanes(totals[t][p], value, x[t].scale);
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
