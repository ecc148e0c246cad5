// SPDX-License-Identifier: MIT
// Weights of 16 rows as the bytes, scales and minima of a BytePanel, for dot_bytes.h, written once
// over Ints and Vec. Included after byte_tile.<isa>.h.
#pragma once
#include "backend/cpu/kernels/byte_panel.h"
#include "backend/cpu/kernels/packed_rows.h"
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

// The formats below are unpacked after they were transposed (packed_rows.h).

// q4_k. What dwords hold the scales how: KHeads in digits.avx512.h.
inline void fill_weights(const OneBlock<Q4KBytes>*, const PanelRows& rows, int64_t offset, int,
                         BytePanel& panel) {
  each_k_nibbles(rows, offset + 16,
                 [&](int quad, Ints codes) HEARTH_INLINE { ints_store(panel.w[quad], codes); });
  Ints head[4];
  rows_16_bytes(rows, offset, head);
  const Vec d = vec_of_low_halves(head[0]);
  const Vec dmin = vec_mul(vec_set(-1.0f), vec_of_low_halves(ints_right<16>(head[0])));
  unroll<0, 8>([&](auto group) HEARTH_INLINE {
    constexpr int g = group.value;
    vec_store(panel.d[g], vec_mul(d, ints_to_vec(k_scale<g>(head))));
    vec_store(panel.m[g], vec_mul(dmin, ints_to_vec(k_min<g>(head))));
  });
}

inline void fill_weights(const OneBlock<Q6KBytes>*, const PanelRows& rows, int64_t offset, int,
                         BytePanel& panel) {
  each_q6_k(rows, offset, [&](int quad, Ints codes) HEARTH_INLINE {
    ints_store(panel.w[quad], bytes_sub(codes, ints_set(0x20202020)));
  });
  Ints scales[4];
  rows_16_bytes(rows, offset + 192, scales);
  // The last two bytes of a block, read with the two before them.
  const Vec d = vec_of_low_halves(ints_right<16>(rows_dword(rows, offset + 206)));
  unroll<0, 16>([&](auto group) HEARTH_INLINE {
    constexpr int g = group.value;
    vec_store(panel.d[g], vec_mul(d, ints_to_vec(signed_byte<g % 4>(scales[g / 4]))));
  });
}

// 16 bytes of nibbles of each row: a group of 32, of which `zeros` is taken off.
inline void put_nibbles(const Ints dwords[4], Ints zeros, int8_t (*quads)[kPanelRows][4]) {
  for (int i = 0; i < 4; ++i) {
    ints_store(quads[i], bytes_sub(low_nibbles(dwords[i]), zeros));
    ints_store(quads[i + 4], bytes_sub(high_nibbles(dwords[i]), zeros));
  }
}
// Formats in blocks of 32. The other group of a last quarter is 0.
inline void clear_odd_group(int n_groups, BytePanel& panel) {
  if (n_groups % 2 == 0) return;
  for (int k = 8 * n_groups; k < 8 * (n_groups + 1); ++k) ints_store(panel.w[k], ints_set(0));
  vec_store(panel.d[n_groups], vec_zero());
  vec_store(panel.m[n_groups], vec_zero());
}

inline void fill_weights(const EightBlocks<Q4_0Bytes>*, const PanelRows& rows, int64_t offset,
                         int n_groups, BytePanel& panel) {
  each_q4_0(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[4]) HEARTH_INLINE {
    put_nibbles(codes, ints_set(0x08080808), panel.w + 8 * g);
    vec_store(panel.d[g], vec_of_low_halves(head));
  });
  clear_odd_group(n_groups, panel);
}

inline void fill_weights(const EightBlocks<Q4_1Bytes>*, const PanelRows& rows, int64_t offset,
                         int n_groups, BytePanel& panel) {
  each_q4_1(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[4]) HEARTH_INLINE {
    put_nibbles(codes, ints_set(0), panel.w + 8 * g);
    vec_store(panel.d[g], vec_of_low_halves(head));
    vec_store(panel.m[g], vec_of_low_halves(ints_right<16>(head)));
  });
  clear_odd_group(n_groups, panel);
}

inline void fill_weights(const EightBlocks<Q8_0Bytes>*, const PanelRows& rows, int64_t offset,
                         int n_groups, BytePanel& panel) {
  each_q8_0(rows, offset, n_groups, [&](int g, Ints head, const Ints codes[8]) HEARTH_INLINE {
    for (int i = 0; i < 8; ++i) ints_store(panel.w[8 * g + i], codes[i]);
    vec_store(panel.d[g], vec_of_low_halves(head));
  });
  clear_odd_group(n_groups, panel);
}

}  // namespace
}  // namespace hearth::cpu
