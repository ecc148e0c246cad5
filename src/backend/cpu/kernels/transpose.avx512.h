// SPDX-License-Identifier: MIT
// Transposing of squares of dwords; strides in dwords. Row: where a row begins, by its number.
#pragma once
#include <immintrin.h>
#include <stdint.h>

namespace hearth::cpu {
namespace {

// Quarter q of out[k], dword i: dword k of quarter q of in[i].
inline void transpose_quarters(const __m512i in[4], __m512i out[4]) {
  const __m512i a = _mm512_unpacklo_epi32(in[0], in[1]), b = _mm512_unpackhi_epi32(in[0], in[1]);
  const __m512i c = _mm512_unpacklo_epi32(in[2], in[3]), d = _mm512_unpackhi_epi32(in[2], in[3]);
  out[0] = _mm512_unpacklo_epi64(a, c);
  out[1] = _mm512_unpackhi_epi64(a, c);
  out[2] = _mm512_unpacklo_epi64(b, d);
  out[3] = _mm512_unpackhi_epi64(b, d);
}

// out[column] lane i = row(i)[column] for 16 rows of 4 dwords. Rows i, i + 4, i + 8, i + 12 go into
// the quarters of one register as they are read, so that only what lies within quarters is left to
// shuffle: 8 shuffles, which one port of many cores does alone, instead of 16.
template <class Row>
inline void transpose_rows_4(const Row& row, __m512i out[4]) {
  const auto load = [&](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row(i)));
  };
  __m512i in[4];
  for (int i = 0; i < 4; ++i) {
    in[i] = _mm512_inserti32x4(_mm512_castsi128_si512(load(i)), load(i + 4), 1);
    in[i] = _mm512_inserti32x4(_mm512_inserti32x4(in[i], load(i + 8), 2), load(i + 12), 3);
  }
  transpose_quarters(in, out);
}

// The same for kRowChunk bytes of each row. Two rows go into a register as they are read, which are
// half of the loads and a third of the insertions; a third step joins quarters of two registers.
constexpr int kRowChunk = 32;
template <class Row>
inline void transpose_row_chunks(const Row& row, __m512i out[kRowChunk / 4]) {
  const auto load = [&](int i) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row(i)));
  };
  // halves[h][k]: dword k of rows 8 h to 8 h + 3, dword k + 4 of them, then of the next four rows.
  __m512i halves[2][4];
  for (int h = 0; h < 2; ++h) {
    __m512i in[4];
    for (int i = 0; i < 4; ++i) {
      in[i] = _mm512_inserti64x4(_mm512_castsi256_si512(load(8 * h + i)), load(8 * h + i + 4), 1);
    }
    transpose_quarters(in, halves[h]);
  }
  for (int k = 0; k < 4; ++k) {
    out[k] = _mm512_shuffle_i32x4(halves[0][k], halves[1][k], 0x88);
    out[k + 4] = _mm512_shuffle_i32x4(halves[0][k], halves[1][k], 0xdd);
  }
}

// out[column][i] = row(i)[column] for 16 x 16 dwords.
template <class Row>
inline void transpose_rows_16(const Row& row, uint32_t* out, int out_stride = 16) {
  __m512i r[16], s[16];
  for (int i = 0; i < 16; ++i) r[i] = _mm512_loadu_si512(row(i));
  for (int i = 0; i < 16; i += 2) {
    s[i] = _mm512_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm512_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 16; i += 4) {
    r[i] = _mm512_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm512_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm512_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm512_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  // r[4 g + c]: columns c, c + 4, c + 8, c + 12 (one a quarter) of rows 4 g to 4 g + 3.
  for (int c = 0; c < 4; ++c) {
    const __m512i a = _mm512_shuffle_i32x4(r[c], r[c + 4], 0x88);
    const __m512i b = _mm512_shuffle_i32x4(r[c], r[c + 4], 0xdd);
    const __m512i d = _mm512_shuffle_i32x4(r[c + 8], r[c + 12], 0x88);
    const __m512i e = _mm512_shuffle_i32x4(r[c + 8], r[c + 12], 0xdd);
    _mm512_storeu_si512(out + out_stride * c, _mm512_shuffle_i32x4(a, d, 0x88));
    _mm512_storeu_si512(out + out_stride * (c + 4), _mm512_shuffle_i32x4(b, e, 0x88));
    _mm512_storeu_si512(out + out_stride * (c + 8), _mm512_shuffle_i32x4(a, d, 0xdd));
    _mm512_storeu_si512(out + out_stride * (c + 12), _mm512_shuffle_i32x4(b, e, 0xdd));
  }
}

// out[column][row] = in[row][column].
inline void transpose_16(const uint32_t* in, int in_stride, uint32_t* out, int out_stride = 16) {
  transpose_rows_16([&](int row) { return in + row * in_stride; }, out, out_stride);
}

}  // namespace
}  // namespace hearth::cpu
