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
    for (int i = 0; i < kCodeBytes; i += 16) {
      rows_16_bytes(rows, at + kHeadBytes + i, codes + i / 4);
    }
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
    for (int c = 0; c < 5; ++c) rows_16_bytes(rows, offset + kBytes * g + 16 * c, dwords + 4 * c);
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
inline Ints high_nibbles(Ints bytes) { return low_nibbles(ints_right<4>(bytes)); }
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
// The dwords whose bits 4 and 5 of each byte are the top bits of a quarter of 128 columns of q6_k.
template <int kQuarter>
inline Ints six_k_top(Ints high) {
  if constexpr (kQuarter < 2) return ints_left<4 - 2 * kQuarter>(high);
  return ints_right<2 * kQuarter - 4>(high);
}

}  // namespace
}  // namespace hearth::cpu
