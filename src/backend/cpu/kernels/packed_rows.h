// SPDX-License-Identifier: MIT
// 16 rows transposed as they lie in the file, a half or a quarter of what their weights would be as
// bytes or words, so that each lane unpacks its own row. Included after lanes.<isa>.h.
#pragma once
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/panel_rows.h"
#include "tensor/layout/blocks.h"

namespace hearth::cpu {
namespace {

// 16 bytes of each row as dwords.
inline void rows_16_bytes(const PanelRows& rows, int64_t offset, Ints out[4]) {
  transpose_rows_4([&](int r) { return rows.row[r] + offset; }, out);
}
// kRowChunk bytes of each row (transpose.<isa>.h).
inline void row_chunks(const PanelRows& rows, int64_t offset, Ints out[kRowChunk / 4]) {
  transpose_row_chunks([&](int r) { return rows.row[r] + offset; }, out);
}
template <int kBytes>
HEARTH_INLINE inline void rows_bytes(const PanelRows& rows, int64_t offset, Ints out[kBytes / 4]) {
  static_assert(kBytes % 16 == 0);
  constexpr int kChunks = kBytes / kRowChunk * kRowChunk;
#pragma GCC unroll 8
  for (int at = 0; at < kChunks; at += kRowChunk) row_chunks(rows, offset + at, out + at / 4);
  if constexpr (kChunks < kBytes) rows_16_bytes(rows, offset + kChunks, out + kChunks / 4);
}
// One dword of each row.
inline Ints rows_dword(const PanelRows& rows, int64_t offset) {
  return ints_from([&](int r) {
    int lane;
    __builtin_memcpy(&lane, rows.row[r] + offset, 4);
    return lane;
  });
}
// each(g, head, codes) for the blocks of 32 from `first` on: their first dword and their codes, of
// each row.
template <int kBytes, int kHeadBytes, int kCodeBytes, class Each>
HEARTH_INLINE inline void each_block(const PanelRows& rows, int64_t offset, int first, int n_groups,
                                     const Each& each) {
  for (int g = first; g < n_groups; ++g) {
    const int64_t at = offset + g * kBytes;
    Ints codes[kCodeBytes / 4];
    rows_bytes<kCodeBytes>(rows, at + kHeadBytes, codes);
    each(g, rows_dword(rows, at), codes);
  }
}
template <class Each>
HEARTH_INLINE inline void each_q4_0(const PanelRows& rows, int64_t offset, int n_groups,
                                    const Each& each) {
  each_block<sizeof(layout::BlockQ4_0), 2, 16>(rows, offset, 0, n_groups, each);
}
// Whole dwords: four blocks are transposed as they lie.
template <class Each>
HEARTH_INLINE inline void each_q4_1(const PanelRows& rows, int64_t offset, int n_groups,
                                    const Each& each) {
  constexpr int kBytes = sizeof(layout::BlockQ4_1);
  static_assert(kBytes == 20);
  int g = 0;
  for (; g + 4 <= n_groups; g += 4) {
    Ints dwords[20];
    rows_bytes<4 * kBytes>(rows, offset + kBytes * g, dwords);
    for (int i = 0; i < 4; ++i) each(g + i, dwords[5 * i], dwords + 5 * i + 1);
  }
  each_block<kBytes, 4, 16>(rows, offset, g, n_groups, each);
}
template <class Each>
HEARTH_INLINE inline void each_q8_0(const PanelRows& rows, int64_t offset, int n_groups,
                                    const Each& each) {
  each_block<sizeof(layout::BlockQ8_0), 2, 32>(rows, offset, 0, n_groups, each);
}
inline Ints low_nibbles(Ints bytes) { return ints_and(bytes, ints_set(0x0f0f0f0f)); }
inline Ints low_nibbles_or(Ints bytes, Ints bits) {
  return ints_and_or(bytes, ints_set(0x0f0f0f0f), bits);
}
inline Ints high_nibbles(Ints bytes) { return low_nibbles(ints_right<4>(bytes)); }
// each(quad, codes): columns 4 quad to 4 quad + 3 of the nibbles of q4_k and q5_k from `offset` on,
// 0 to 15: low and high halves of 32 bytes are 32 columns each.
template <class Each>
HEARTH_INLINE inline void each_k_nibbles(const PanelRows& rows, int64_t offset, const Each& each) {
  for (int at = 0; at < 128; at += kRowChunk) {
    Ints dwords[kRowChunk / 4];
    row_chunks(rows, offset + at, dwords);
    const int quad = at / 32 * 16 + at % 32 / 4;
    for (int i = 0; i < kRowChunk / 4; ++i) {
      each(quad + i, low_nibbles(dwords[i]));
      each(quad + i + 8, high_nibbles(dwords[i]));
    }
  }
}
// The same for a block of q6_k, 0 to 63, 32 above the weights: of 128 columns, 64 bytes of low
// halves and 32 of top bits, those of the other 128 behind them.
template <class Each>
HEARTH_INLINE inline void each_q6_k(const PanelRows& rows, int64_t offset, const Each& each) {
  const Ints tops = ints_set(0x30303030);
  for (int at = 0; at < 64; at += kRowChunk) {
    const int half = at / 32, quad = 32 * half + at % 32 / 4;
    Ints high[kRowChunk / 4], low[kRowChunk / 4];
    row_chunks(rows, offset + 128 + at, high);
    const auto put = [&](int i, Ints nibbles, Ints top) HEARTH_INLINE {
      each(quad + i, low_nibbles_or(nibbles, ints_and(top, tops)));
    };
    row_chunks(rows, offset + 32 * half + at, low);
    for (int i = 0; i < kRowChunk / 4; ++i) {
      put(i, low[i], ints_left<4>(high[i]));
      put(i + 16, ints_right<4>(low[i]), high[i]);
    }
    row_chunks(rows, offset + 32 * half + at + 32, low);
    for (int i = 0; i < kRowChunk / 4; ++i) {
      put(i + 8, low[i], ints_left<2>(high[i]));
      put(i + 24, ints_right<4>(low[i]), ints_right<2>(high[i]));
    }
  }
}
// Byte kByte of each lane, below its top two bits, and those.
template <int kByte>
inline Ints six_bits(Ints lanes) {
  return ints_and(ints_right<8 * kByte>(lanes), ints_set(63));
}
template <int kByte>
inline Ints top_bits(Ints lanes) {
  return ints_and(ints_right<8 * kByte + 2>(lanes), ints_set(0x30));
}
template <int kAt>
inline Ints four_bits(Ints lanes) {
  return ints_and(ints_right<kAt>(lanes), ints_set(15));
}

// The dwords whose bits 4 and 5 of each byte are the top bits of a quarter of 128 columns of q6_k.
template <int kQuarter>
inline Ints six_k_top(Ints high) {
  if constexpr (kQuarter < 2) return ints_left<4 - 2 * kQuarter>(high);
  return ints_right<2 * kQuarter - 4>(high);
}
// Scale and minimum of a group of 32 from the first 16 bytes of q4_k: KHeads in digits.avx512.h
// says what dwords hold them how.
template <int kGroup>
inline Ints k_bits(Ints low, Ints high) {
  constexpr int k = kGroup % 4;
  if constexpr (kGroup < 4) return six_bits<k>(low);
  return ints_or(four_bits<8 * k>(high), top_bits<k>(low));
}
template <int kGroup>
inline Ints k_scale(const Ints head[4]) {
  return k_bits<kGroup>(head[1], head[3]);
}
template <int kGroup>
inline Ints k_min(const Ints head[4]) {
  return k_bits<kGroup>(head[2], ints_right<4>(head[3]));
}

}  // namespace
}  // namespace hearth::cpu
