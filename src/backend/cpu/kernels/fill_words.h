// SPDX-License-Identifier: MIT
// Weights of 16 rows as the pairs of words, scales and minima of a Panel, for dot_panel.h. Included
// after lanes.<isa>.h.
#pragma once
#include "backend/cpu/kernels/packed_rows.h"
#include "backend/cpu/kernels/unpack.h"

namespace hearth::cpu {
namespace {

// Dwords of a row of a panel: 128 pairs of weights, then up to 16 pairs of minima.
constexpr int kPairs = 128, kMinPairs = 16;

struct alignas(64) Panel {
  uint32_t pairs[kPairs + kMinPairs][kPanelRows];
  float d[8][kPanelRows];  // super-blocks: d, dmin; else one row a group
  float m[8][kPanelRows];
};

// Any format: unpacked row by row, then transposed.
template <class Format>
inline void fill_super(const PanelRows& rows, int64_t offset, Panel& panel) {
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
inline void fill_groups(const PanelRows& rows, int64_t offset, int n_groups, Panel& panel) {
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

template <class Format>
inline void fill_words(const Format*, const PanelRows& rows, int64_t offset, int n_groups,
                       Panel& panel) {
  if constexpr (requires { Format::kSums; }) {
    fill_super<Format>(rows, offset, panel);
  } else {
    fill_groups<Format>(rows, offset, n_groups, panel);
  }
}

// The formats below are unpacked after they were transposed (packed_rows.h), which pays from fewer
// tokens on.
template <class Format>
inline constexpr bool kFillsPacked = false;
template <>
inline constexpr bool kFillsPacked<Q4K> = true;
template <>
inline constexpr bool kFillsPacked<Q5K> = true;
template <>
inline constexpr bool kFillsPacked<Q6K> = true;

// 16 bytes of nibbles of each row: a group of 32, of which `zero` is taken off.
inline void put_nibbles(const Ints dwords[4], Words zero, uint32_t (*pairs)[kPanelRows]) {
  for (int i = 0; i < 4; ++i) {
    const Ints low = low_nibbles(dwords[i]), high = high_nibbles(dwords[i]);
    words_store_row(pairs[2 * i], words_sub(words_of_bytes<0>(low), zero));
    words_store_row(pairs[2 * i + 1], words_sub(words_of_bytes<2>(low), zero));
    words_store_row(pairs[8 + 2 * i], words_sub(words_of_bytes<0>(high), zero));
    words_store_row(pairs[8 + 2 * i + 1], words_sub(words_of_bytes<2>(high), zero));
  }
}

inline void fill_words(const Q4_0*, const PanelRows& rows, int64_t offset, int n_groups,
                       Panel& panel) {
  each_q4_0(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[4]) HEARTH_INLINE {
    put_nibbles(codes, words_set(8), panel.pairs + 16 * g);
    vec_store(panel.d[g], vec_of_low_halves(head));
  });
}

inline void fill_words(const Q4_1*, const PanelRows& rows, int64_t offset, int n_groups,
                       Panel& panel) {
  each_q4_1(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[4]) HEARTH_INLINE {
    put_nibbles(codes, words_set(0), panel.pairs + 16 * g);
    vec_store(panel.d[g], vec_of_low_halves(head));
    vec_store(panel.m[g], vec_of_low_halves(ints_right<16>(head)));
  });
}

inline void fill_words(const Q8_0*, const PanelRows& rows, int64_t offset, int n_groups,
                       Panel& panel) {
  each_q8_0(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[8]) HEARTH_INLINE {
    for (int i = 0; i < 8; ++i) {
      uint32_t(*pairs)[kPanelRows] = panel.pairs + 16 * g + 2 * i;
      words_store_row(pairs[0], words_of_signed_bytes<0>(codes[i]));
      words_store_row(pairs[1], words_of_signed_bytes<2>(codes[i]));
    }
    vec_store(panel.d[g], vec_of_low_halves(head));
  });
}

// q4_k and q5_k: d, dmin and the dwords that hold scales and minima.
inline void fill_k_head(const PanelRows& rows, int64_t offset, Ints head[4], Panel& panel) {
  rows_16_bytes(rows, offset, head);
  vec_store(panel.d[0], vec_of_low_halves(head[0]));
  vec_store(panel.d[1], vec_of_low_halves(ints_right<16>(head[0])));
}
template <int kGroup>
inline void put_k_min(const Ints head[4], Panel& panel) {
  const Ints min = k_min<kGroup>(head);
  // As pairs of 256 min, min.
  ints_store(panel.pairs[kPairs + kGroup], ints_or(ints_left<8>(min), ints_left<16>(min)));
}
// Bit kGroup of each byte, worth 16.
template <int kGroup>
inline Ints k_fifth(Ints fifths) {
  const Ints sixteens = ints_set(0x10101010);
  if constexpr (kGroup <= 4) return ints_and(ints_left<4 - kGroup>(fifths), sixteens);
  return ints_and(ints_right<kGroup - 4>(fifths), sixteens);
}
// Groups 2 kPair and 2 kPair + 1: the low and the high halves of 32 bytes.
template <int kPair, bool kHasFifths>
inline void put_k_pair(const PanelRows& rows, int64_t nibbles, int64_t fifths, const Ints head[4],
                       Panel& panel) {
  constexpr int g = 2 * kPair;
  const Words scales[2] = {words_of_low(k_scale<g>(head)), words_of_low(k_scale<g + 1>(head))};
  for (int at = 0; at < 32; at += kRowChunk) {
    Ints dwords[kRowChunk / 4], tops[kRowChunk / 4];
    row_chunks(rows, nibbles + at, dwords);
    if constexpr (kHasFifths) row_chunks(rows, fifths + at, tops);
    for (int i = 0; i < kRowChunk / 4; ++i) {
      Ints low = low_nibbles(dwords[i]), high = high_nibbles(dwords[i]);
      if constexpr (kHasFifths) {
        low = ints_or(low, k_fifth<g>(tops[i]));
        high = ints_or(high, k_fifth<g + 1>(tops[i]));
      }
      uint32_t(*pairs)[kPanelRows] = panel.pairs + 16 * g + at / 2 + 2 * i;
      words_store_row(pairs[0], words_mul(words_of_bytes<0>(low), scales[0]));
      words_store_row(pairs[1], words_mul(words_of_bytes<2>(low), scales[0]));
      words_store_row(pairs[16], words_mul(words_of_bytes<0>(high), scales[1]));
      words_store_row(pairs[17], words_mul(words_of_bytes<2>(high), scales[1]));
    }
  }
  put_k_min<g>(head, panel);
  put_k_min<g + 1>(head, panel);
}
inline void fill_words(const Q4K*, const PanelRows& rows, int64_t offset, int, Panel& panel) {
  Ints head[4];
  fill_k_head(rows, offset, head, panel);
  unroll<0, 4>([&](auto pair) HEARTH_INLINE {
    put_k_pair<pair.value, false>(rows, offset + 16 + 32 * pair.value, 0, head, panel);
  });
}
inline void fill_words(const Q5K*, const PanelRows& rows, int64_t offset, int, Panel& panel) {
  Ints head[4];
  fill_k_head(rows, offset, head, panel);
  unroll<0, 4>([&](auto pair) HEARTH_INLINE {
    put_k_pair<pair.value, true>(rows, offset + 48 + 32 * pair.value, offset + 16, head, panel);
  });
}

// 128 columns of q6_k: 64 bytes of low halves, 32 bytes of top bits.
template <int kHalf>
inline void fill_words_of_half(const PanelRows& rows, int64_t offset, const Ints scales[4],
                               Panel& panel) {
  const Ints tops = ints_set(0x30303030), zeros = ints_set(0x20202020);
  unroll<0, 2>([&](auto chunk) HEARTH_INLINE {
    constexpr int c = chunk.value;
    Ints a[4], b[4], high[4];
    rows_16_bytes(rows, offset + 64 * kHalf + 16 * c, a);
    rows_16_bytes(rows, offset + 64 * kHalf + 16 * c + 32, b);
    rows_16_bytes(rows, offset + 128 + 32 * kHalf + 16 * c, high);
    unroll<0, 4>([&](auto quarter) HEARTH_INLINE {
      constexpr int kGroup = 8 * kHalf + 2 * quarter.value + c;
      const Words scale = words_of_low(signed_byte<kGroup % 4>(scales[kGroup / 4]));
      for (int i = 0; i < 4; ++i) {
        const Ints low = quarter.value % 2 == 0 ? a[i] : b[i];
        const Ints bits = quarter.value < 2 ? low_nibbles(low) : high_nibbles(low);
        const Ints top = six_k_top<quarter.value>(high[i]);
        const Ints code = bytes_sub(ints_or(bits, ints_and(top, tops)), zeros);
        uint32_t(*pairs)[kPanelRows] = panel.pairs + 8 * kGroup + 2 * i;
        words_store_row(pairs[0], words_mul(words_of_signed_bytes<0>(code), scale));
        words_store_row(pairs[1], words_mul(words_of_signed_bytes<2>(code), scale));
      }
    });
  });
}

inline void fill_words(const Q6K*, const PanelRows& rows, int64_t offset, int, Panel& panel) {
  Ints scales[4];
  rows_16_bytes(rows, offset + 192, scales);
  // The last two bytes of a block, read with the two before them.
  vec_store(panel.d[0], vec_of_low_halves(ints_right<16>(rows_dword(rows, offset + 206))));
  fill_words_of_half<0>(rows, offset, scales, panel);
  fill_words_of_half<1>(rows, offset, scales, panel);
}

}  // namespace
}  // namespace hearth::cpu
