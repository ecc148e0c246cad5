// SPDX-License-Identifier: MIT
// Weights of 16 rows as the bytes, scales and minima of a BytePanel, for dot_bytes.h, written once
// over Ints and Vec. Included after byte_tile.<isa>.h.
#pragma once
#include "backend/cpu/kernels/byte_panel.h"
#include "backend/cpu/kernels/unpack_bytes.h"

namespace hearth::cpu {
namespace {

// Any format: the first n_groups groups of 32 of one block of each row, unpacked row by row, then
// transposed; the other groups of their quarters are 0.
template <class Format>
inline void fill_rows(const PanelRows& rows, int64_t offset, int n_groups, BytePanel& panel) {
  alignas(64) int8_t flat[kPanelRows][256];
  alignas(64) float d[kPanelRows][16] = {}, m[kPanelRows][16] = {};
  for (int r = 0; r < kPanelRows; ++r) {
    Format::unpack(rows.row[r] + offset, n_groups, flat[r], d[r], m[r]);
  }
  const auto* dwords = reinterpret_cast<const uint32_t*>(flat[0]);
  auto* quads = reinterpret_cast<uint32_t*>(panel.w[0][0]);
  for (int k = 0; k < (n_groups + 1) / 2 * 16; k += 16) {
    transpose_16(dwords + k, kQuads, quads + kPanelRows * k);
  }
  transpose_16(reinterpret_cast<const uint32_t*>(d[0]), 16, reinterpret_cast<uint32_t*>(panel.d));
  if constexpr (Format::kMinGroup != 0) {
    transpose_16(reinterpret_cast<const uint32_t*>(m[0]), 16, reinterpret_cast<uint32_t*>(panel.m));
  }
}

template <class Format>
inline void fill_weights(const Format*, const PanelRows& rows, int64_t offset, int n_groups,
                         BytePanel& panel) {
  fill_rows<Format>(rows, offset, n_groups, panel);
}

// Formats whose blocks are dwords of nibbles are transposed as they lie in the file, half as much
// as their bytes would be, and each lane unpacks its own row.
template <int kDwords>
inline void transpose_packed(const PanelRows& rows, int64_t offset,
                             uint32_t packed[kDwords][kPanelRows]) {
  for (int i = 0; i < kDwords; i += 16) {
    const int first = i + 16 <= kDwords ? i : kDwords - 16;
    transpose_rows_16(
        [&](int r) { return reinterpret_cast<const uint32_t*>(rows.row[r] + offset) + first; },
        packed[first]);
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

// q4_k. What dwords hold the scales how: KHeads in digits.avx512.h.
inline void fill_weights(const OneBlock<Q4KBytes>*, const PanelRows& rows, int64_t offset, int,
                         BytePanel& panel) {
  constexpr int kDwords = Q4KBytes::kBytes / 4;
  alignas(64) uint32_t packed[kDwords][kPanelRows];
  transpose_packed<kDwords>(rows, offset, packed);
  for (int c = 0; c < 32; ++c) {
    const Ints bytes = ints_load(packed[4 + c]), nibbles = ints_set(0x0f0f0f0f);
    const int quad = c / 8 * 16 + c % 8;
    ints_store(panel.w[quad], ints_and(bytes, nibbles));
    ints_store(panel.w[quad + 8], ints_and(ints_right<4>(bytes), nibbles));
  }
  const Ints head = ints_load(packed[0]), a = ints_load(packed[1]);
  const Ints b = ints_load(packed[2]), c = ints_load(packed[3]);
  const Vec d = vec_of_low_halves(head);
  const Vec dmin = vec_mul(vec_set(-1.0f), vec_of_low_halves(ints_right<16>(head)));
  unroll<0, 4>([&](auto i) HEARTH_INLINE {
    constexpr int k = i.value;
    const auto put = [&](float* to, Vec factor, Ints scale)
                         HEARTH_INLINE { vec_store(to, vec_mul(factor, ints_to_vec(scale))); };
    put(panel.d[k], d, six_bits<k>(a));
    put(panel.m[k], dmin, six_bits<k>(b));
    put(panel.d[k + 4], d, ints_or(four_bits<8 * k>(c), top_bits<k>(a)));
    put(panel.m[k + 4], dmin, ints_or(four_bits<8 * k + 4>(c), top_bits<k>(b)));
  });
}

// q4_1: each of its blocks is 5 dwords, d with m and 16 bytes of nibbles.
inline void fill_weights(const EightBlocks<Q4_1Bytes>*, const PanelRows& rows, int64_t offset,
                         int n_groups, BytePanel& panel) {
  constexpr int kDwords = 8 * Q4_1Bytes::kBytes / 4;
  if (n_groups < 8) return fill_rows<EightBlocks<Q4_1Bytes>>(rows, offset, n_groups, panel);
  alignas(64) uint32_t packed[kDwords][kPanelRows];
  transpose_packed<kDwords>(rows, offset, packed);
  const Ints nibbles = ints_set(0x0f0f0f0f);
  for (int g = 0; g < 8; ++g) {
    const Ints head = ints_load(packed[5 * g]);
    vec_store(panel.d[g], vec_of_low_halves(head));
    vec_store(panel.m[g], vec_of_low_halves(ints_right<16>(head)));
    for (int c = 0; c < 4; ++c) {
      const Ints bytes = ints_load(packed[5 * g + 1 + c]);
      ints_store(panel.w[8 * g + c], ints_and(bytes, nibbles));
      ints_store(panel.w[8 * g + c + 4], ints_and(ints_right<4>(bytes), nibbles));
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
