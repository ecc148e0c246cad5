// SPDX-License-Identifier: MIT
// Code panels (dot_codes.avx512vnni.h) of formats in blocks of 32: q4_0, q4_1 and q8_0.
#pragma once
#include "backend/cpu/kernels/dot_codes.avx512vnni.h"

namespace hearth::cpu {
namespace {

// Blocks. fill(): the groups of 16 rows as codes of 0 to 255, kZero above the weights, and their
// scales.
struct CodesQ4_0 {
  static constexpr int kBytes = sizeof(layout::BlockQ4_0), kZero = 8;
  static constexpr bool kHasMin = false;
  template <class Panel>
  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
    each_q4_0(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[4]) HEARTH_INLINE {
      panel.put_nibbles(g, codes);
      vec_store(panel.d[g], vec_of_low_halves(head));
    });
  }
};
struct CodesQ4_1 {
  static constexpr int kBytes = sizeof(layout::BlockQ4_1), kZero = 0;
  static constexpr bool kHasMin = true;
  template <class Panel>
  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
    each_q4_1(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[4]) HEARTH_INLINE {
      panel.put_nibbles(g, codes);
      vec_store(panel.d[g], vec_of_low_halves(head));
      vec_store(panel.m[g], vec_of_low_halves(ints_right<16>(head)));
    });
  }
};
struct CodesQ8_0 {
  static constexpr int kBytes = sizeof(layout::BlockQ8_0), kZero = 128;
  static constexpr bool kHasMin = false;
  template <class Panel>
  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
    each_q8_0(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[8]) HEARTH_INLINE {
      for (int i = 0; i < 8; ++i) {
        const __m512i raised = _mm512_xor_si512(codes[i], _mm512_set1_epi8(-128));
        _mm512_store_si512(panel.codes[8 * g + i], raised);
      }
      vec_store(panel.d[g], vec_of_low_halves(head));
    });
  }
};

template <class Block>
struct GroupCodes {
  static constexpr int kBytes = 8 * Block::kBytes, kFewestTokens = 5, kMostTokens = 16;
  struct alignas(64) Panel {
    uint8_t codes[64][kPanelRows][4];
    float d[8][kPanelRows], m[8][kPanelRows];

    // 16 bytes of nibbles of each row: group g.
    void put_nibbles(int g, const Ints bytes[4]) {
      for (int i = 0; i < 4; ++i) {
        ints_store(codes[8 * g + i], low_nibbles(bytes[i]));
        ints_store(codes[8 * g + 4 + i], high_nibbles(bytes[i]));
      }
    }
  };
  struct alignas(64) Digits {
    int8_t high[256], low[256];
    int32_t zeros[8];  // kZero times the sum of a group's values, to be taken off
    float sums[8];     // of a group's values
    float scale;
  };

  static bool cut(const ActBlock& act, Digits& out) {
    for (int i = 0; i < kActBlock; i += 32) cut_digits<64>(act.x + i, out.high + i, out.low + i);
    for (int g = 0; g < 8; ++g) {
      const int32_t sum = 256 * act.sum32[g].high + act.sum32[g].low;
      out.zeros[g] = Block::kZero * sum;
      out.sums[g] = static_cast<float>(sum);
    }
    out.scale = act.scale;
    return true;
  }

  static void fill(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
    Block::fill(rows, offset, n_groups, panel);
  }

  template <int T, int P>
  static void add(const Panel* panels, const Digits* x, int n_groups, CodeTotals<P> totals);
};

template <class Block>
template <int T, int P>
HEARTH_OWN_FUNCTION void GroupCodes<Block>::add(const Panel* panels, const Digits* x, int n_groups,
                                                CodeTotals<P> totals) {
  __m512 groups[8][P][T];
  for (int g = 0; g < n_groups; ++g) {
    CodeSums<T, P> acc;
    clear<T, P>(acc);
    dot_codes<T, P, 8, sizeof(Digits)>(panels, 8 * g, x->high, acc);
    for (int t = 0; t < T; ++t) {
      const __m512i zeros = _mm512_set1_epi32(x[t].zeros[g]);
      for (int p = 0; p < P; ++p) {
        acc[p][t] = _mm512_slli_epi32(acc[p][t], 7);
        if constexpr (Block::kZero != 0) acc[p][t] = _mm512_sub_epi32(acc[p][t], zeros);
      }
    }
    dot_codes<T, P, 8, sizeof(Digits)>(panels, 8 * g, x->low, acc);
    for (int p = 0; p < P; ++p) {
      const __m512 d = _mm512_load_ps(panels[p].d[g]), m = _mm512_load_ps(panels[p].m[g]);
      for (int t = 0; t < T; ++t) {
        __m512 value = _mm512_mul_ps(d, _mm512_cvtepi32_ps(acc[p][t]));
        if constexpr (Block::kHasMin) {
          value = _mm512_add_ps(value, _mm512_mul_ps(m, _mm512_set1_ps(x[t].sums[g])));
        }
        groups[g][p][t] = value;
      }
    }
  }
  for (int g = n_groups; g < 8; ++g) {
    for (auto& panel : groups[g]) {
      for (__m512& value : panel) value = _mm512_setzero_ps();
    }
  }
  for (int p = 0; p < P; ++p) {
    for (int t = 0; t < T; ++t) {
      const auto two = [&](int g) { return _mm512_add_ps(groups[g][p][t], groups[g + 1][p][t]); };
      const __m512 value =
          _mm512_add_ps(_mm512_add_ps(two(0), two(2)), _mm512_add_ps(two(4), two(6)));
      add_scaled_lanes(totals[t][p], value, x[t].scale);
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
