// SPDX-License-Identifier: MIT
// Transposing of squares of dwords; strides in dwords.
#pragma once
#include <immintrin.h>
#include <stdint.h>

namespace hearth::cpu {
namespace {

// out[column][i] = row(i)[column] for 8 x 8 dwords.
template <class Row>
inline void transpose_rows_8(const Row& row, uint32_t* out, int out_stride) {
  __m256i r[8], s[8];
  for (int i = 0; i < 8; ++i) {
    r[i] = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(row(i)));
  }
  for (int i = 0; i < 8; i += 2) {
    s[i] = _mm256_unpacklo_epi32(r[i], r[i + 1]);
    s[i + 1] = _mm256_unpackhi_epi32(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    r[i] = _mm256_unpacklo_epi64(s[i], s[i + 2]);
    r[i + 1] = _mm256_unpackhi_epi64(s[i], s[i + 2]);
    r[i + 2] = _mm256_unpacklo_epi64(s[i + 1], s[i + 3]);
    r[i + 3] = _mm256_unpackhi_epi64(s[i + 1], s[i + 3]);
  }
  for (int i = 0; i < 4; ++i) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + i * out_stride),
                        _mm256_permute2x128_si256(r[i], r[i + 4], 0x20));
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out + (i + 4) * out_stride),
                        _mm256_permute2x128_si256(r[i], r[i + 4], 0x31));
  }
}
// out[column] lane i = row(i)[column] for 16 rows of 4 dwords, rows 0 to 7 in `low`, the others in
// `high`; Lanes: two registers of these names.
template <class Row, class Lanes>
inline void transpose_rows_4(const Row& row, Lanes out[4]) {
  const auto load = [&](int i) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(row(i)));
  };
  const auto eight = [&](int first, __m256i columns[4]) {
    __m256i in[4];
    for (int i = 0; i < 4; ++i) in[i] = _mm256_set_m128i(load(first + i + 4), load(first + i));
    const __m256i a = _mm256_unpacklo_epi32(in[0], in[1]), b = _mm256_unpackhi_epi32(in[0], in[1]);
    const __m256i c = _mm256_unpacklo_epi32(in[2], in[3]), d = _mm256_unpackhi_epi32(in[2], in[3]);
    columns[0] = _mm256_unpacklo_epi64(a, c);
    columns[1] = _mm256_unpackhi_epi64(a, c);
    columns[2] = _mm256_unpacklo_epi64(b, d);
    columns[3] = _mm256_unpackhi_epi64(b, d);
  };
  __m256i low[4], high[4];
  eight(0, low);
  eight(8, high);
  for (int i = 0; i < 4; ++i) out[i] = {low[i], high[i]};
}
// The same for kRowChunk bytes of each row: as many as the registers hold.
constexpr int kRowChunk = 16;
template <class Row, class Lanes>
inline void transpose_row_chunks(const Row& row, Lanes out[kRowChunk / 4]) {
  transpose_rows_4(row, out);
}
// out[column][i] = row(i)[column] for 16 x 16 dwords.
template <class Row>
inline void transpose_rows_16(const Row& row, uint32_t* out, int out_stride = 16) {
  for (int first = 0; first < 16; first += 8) {
    for (int column = 0; column < 16; column += 8) {
      transpose_rows_8([&](int i) { return row(first + i) + column; },
                       out + column * out_stride + first, out_stride);
    }
  }
}
// out[column][row] = in[row][column].
inline void transpose_16(const uint32_t* in, int in_stride, uint32_t* out, int out_stride = 16) {
  transpose_rows_16([&](int row) { return in + row * in_stride; }, out, out_stride);
}

}  // namespace
}  // namespace hearth::cpu
