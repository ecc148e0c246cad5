// SPDX-License-Identifier: MIT
// What dot_digits.h needs beside words.avx512.h: registers of 64 bytes, and the scales and minima
// of four rows side by side, row r in quarter r. digits.avx2.h has the same names and meaning.
#pragma once
#include "backend/cpu/kernels/four_rows.h"

namespace hearth::cpu {
namespace {

inline Words words_load_bytes(const uint8_t* p) { return _mm512_loadu_si512(p); }
// The same 32 bytes in both halves.
inline Words words_twice(const uint8_t* p) { return _mm512_broadcast_i64x4(load_32_bytes(p)); }
// Words of the first half moved left by kFirst bits, of the second by kSecond; right where
// negative.
template <int kFirst, int kSecond>
inline Words words_move_halves(Words w) {
  constexpr auto by = [](int bits) { return static_cast<int16_t>(bits < 0 ? -bits : bits); };
  const __m512i bits =
      _mm512_inserti64x4(_mm512_set1_epi16(by(kFirst)), _mm256_set1_epi16(by(kSecond)), 1);
  if constexpr (kFirst + kSecond > 0) return _mm512_sllv_epi16(w, bits);
  return _mm512_srlv_epi16(w, bits);
}
// Sums of two neighbours' products, in 16 bits: w of 0 to 63, x of -64 to 64.
inline Words bytes_dot(Words w, const int8_t* x) {
  return _mm512_maddubs_epi16(w, _mm512_load_si512(x));
}
// (a << 7) + b.
inline Ints ints_join_digits(Ints a, Ints b) {
  return _mm512_add_epi32(_mm512_slli_epi32(a, 7), b);
}

// 16 bytes of each of four rows.
inline __m512i four_16_bytes(const FourRows& rows, int at) {
  __m512i v = _mm512_castsi128_si512(load_16_bytes(rows.block[0] + at));
  v = _mm512_inserti32x4(v, load_16_bytes(rows.block[1] + at), 1);
  v = _mm512_inserti32x4(v, load_16_bytes(rows.block[2] + at), 2);
  return _mm512_inserti32x4(v, load_16_bytes(rows.block[3] + at), 3);
}
// Words as pairs to be multiplied with SumPairs: 256 w, w; of the first or last four of each row.
template <bool kLast>
inline __m512i pairs_of_words(__m512i words) {
  const __m512i high = _mm512_slli_epi16(words, 8);
  return kLast ? _mm512_unpackhi_epi16(high, words) : _mm512_unpacklo_epi16(high, words);
}
// Products of four pairs of each row with the same four, added for each row.
struct RowSums {
  __m512i sums = _mm512_setzero_si512();
  void add(__m512i pairs, const SumPair* with) {
    const __m128i four = _mm_load_si128(reinterpret_cast<const __m128i*>(with));
    sums = dot_pairs(sums, pairs, _mm512_broadcast_i32x4(four));
  }
  __m128i of_rows() const {
    __m512i sum =
        _mm512_add_epi32(sums, _mm512_shuffle_epi32(sums, static_cast<_MM_PERM_ENUM>(0xb1)));
    sum = _mm512_add_epi32(sum, _mm512_shuffle_epi32(sum, static_cast<_MM_PERM_ENUM>(0x4e)));
    const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return _mm512_castsi512_si128(_mm512_permutexvar_epi32(first, sum));
  }
};

// The head of q4_k and q5_k: d, dmin, 8 scales and 8 minima of 6 bits. As dwords of a row: d and
// dmin, A, B, C; scales are A's bytes below the top two bits, then C's low halves with the top two
// of A above; minima the same of B and C's high halves.
class KHeads {
 public:
  explicit KHeads(const FourRows& rows) {
    const __m512i head = four_16_bytes(rows, 0);
    const __m512i aabb = _mm512_shuffle_epi32(head, static_cast<_MM_PERM_ENUM>(0xa5));
    const __m512i c = _mm512_shuffle_epi32(head, static_cast<_MM_PERM_ENUM>(0xff));
    const __m512i low = _mm512_and_si512(_mm512_srlv_epi32(aabb, each_row(0, 2, 0, 2)),
                                         each_row(0x3f3f3f3f, 0x30303030, 0x3f3f3f3f, 0x30303030));
    const __m512i high = _mm512_and_si512(_mm512_srlv_epi32(c, each_row(0, 0, 0, 4)),
                                          each_row(0, 0x0f0f0f0f, 0, 0x0f0f0f0f));
    const __m512i bytes = _mm512_or_si512(low, high);
    const __m512i scales = _mm512_unpacklo_epi8(bytes, _mm512_setzero_si512());
    const __m512i mins = _mm512_unpackhi_epi8(bytes, _mm512_setzero_si512());
    mins_[0] = pairs_of_words<false>(mins);
    mins_[1] = pairs_of_words<true>(mins);
    groups_[0] = _mm512_unpacklo_epi16(scales, scales);
    groups_[1] = _mm512_unpackhi_epi16(scales, scales);
    const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m128i d = _mm512_castsi512_si128(_mm512_permutexvar_epi32(first, head));
    const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    d_ = _mm256_cvtph_ps(_mm_shuffle_epi8(d, order));
  }
  __m128 d() const { return _mm256_castps256_ps128(d_); }
  __m128 dmin() const { return _mm256_extractf128_ps(d_, 1); }
  // The scale of group kFirst of a row in the first half, of group kFirst + 2 in the second.
  template <int kRow, int kFirst>
  Words scale() const {
    constexpr int a = 4 * kRow + kFirst % 4, b = a + 2;
    const __m512i lanes = _mm512_setr_epi32(a, a, a, a, a, a, a, a, b, b, b, b, b, b, b, b);
    return _mm512_permutexvar_epi32(lanes, groups_[kFirst / 4]);
  }
  // The sums of minimum times sum(x).
  __m128i min_sums(const SumPair* sum32) const {
    RowSums sums;
    for (int i = 0; i < 2; ++i) sums.add(mins_[i], sum32 + 4 * i);
    return sums.of_rows();
  }

 private:
  static __m512i each_row(int a, int b, int c, int d) { return _mm512_set4_epi32(d, c, b, a); }
  __m512i groups_[2];  // dwords: the scale of group 4 i + lane % 4 of row lane / 4, twice
  __m512i mins_[2];    // pairs of the first and of the last four
  __m256 d_;           // d of the rows, then dmin
};

// The 16 scales of q6_k.
class Q6KScales {
 public:
  explicit Q6KScales(const FourRows& rows) {
    const __m512i bytes = four_16_bytes(rows, 192);
    const __m512i words[2] = {_mm512_srai_epi16(_mm512_unpacklo_epi8(bytes, bytes), 8),
                              _mm512_srai_epi16(_mm512_unpackhi_epi8(bytes, bytes), 8)};
    for (int i = 0; i < 2; ++i) {
      groups_[2 * i] = _mm512_unpacklo_epi16(words[i], words[i]);
      groups_[2 * i + 1] = _mm512_unpackhi_epi16(words[i], words[i]);
      pairs_[2 * i] = pairs_of_words<false>(words[i]);
      pairs_[2 * i + 1] = pairs_of_words<true>(words[i]);
    }
  }
  // The scales of the 64 weights from 64 kSlot on, a group of 16 in each quarter.
  template <int kRow, int kSlot>
  Words scale() const {
    constexpr int a = 4 * kRow, b = a + 1, c = a + 2, d = a + 3;
    const __m512i lanes = _mm512_setr_epi32(a, a, a, a, b, b, b, b, c, c, c, c, d, d, d, d);
    return _mm512_permutexvar_epi32(lanes, groups_[kSlot]);
  }
  // The sums of scale times sum(x).
  __m128i sums(const SumPair* sum16) const {
    RowSums sums;
    for (int i = 0; i < 4; ++i) sums.add(pairs_[i], sum16 + 4 * i);
    return sums.of_rows();
  }

 private:
  __m512i groups_[4];  // dwords: scale 4 i + lane % 4 of row lane / 4, twice
  __m512i pairs_[4];   // of scales 4 i to 4 i + 3
};

}  // namespace
}  // namespace hearth::cpu
