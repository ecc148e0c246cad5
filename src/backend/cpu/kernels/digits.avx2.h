// SPDX-License-Identifier: MIT
// What dot_digits.h needs beside words.avx2.h: 64 bytes as two registers, and the scales and minima
// of four rows, two of them in each register. digits.avx512.h has the same names and meaning.
#pragma once
#include "backend/cpu/kernels/four_rows.h"

namespace hearth::cpu {
namespace {

inline __m256i load_32_bytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline Words words_load_bytes(const uint8_t* p) {
  return {load_32_bytes(p), load_32_bytes(p + 32)};
}
// The same 32 bytes in both halves.
inline Words words_twice(const uint8_t* p) {
  const __m256i v = load_32_bytes(p);
  return {v, v};
}
// Words of the first half moved left by kFirst bits, of the second by kSecond; right where
// negative.
template <int kBits>
inline __m256i move_words(__m256i w) {
  if constexpr (kBits > 0) return _mm256_slli_epi16(w, kBits);
  if constexpr (kBits < 0) return _mm256_srli_epi16(w, -kBits);
  return w;
}
template <int kFirst, int kSecond>
inline Words words_move_halves(Words w) {
  return {move_words<kFirst>(w.low), move_words<kSecond>(w.high)};
}
// Sums of two neighbours' products, in 16 bits: w of 0 to 63, x of -64 to 64.
inline Words bytes_dot(Words w, const int8_t* x) {
  return {_mm256_maddubs_epi16(w.low, load_32_bytes(x)),
          _mm256_maddubs_epi16(w.high, load_32_bytes(x + 32))};
}
// (a << 7) + b.
inline Ints ints_join_digits(Ints a, Ints b) {
  return {_mm256_add_epi32(_mm256_slli_epi32(a.low, 7), b.low),
          _mm256_add_epi32(_mm256_slli_epi32(a.high, 7), b.high)};
}

// 16 bytes of each of four rows.
inline Words four_16_bytes(const FourRows& rows, int at) {
  const auto two = [&](int r) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_16_bytes(rows.block[r] + at)),
                                   load_16_bytes(rows.block[r + 1] + at), 1);
  };
  return {two(0), two(2)};
}
// Words as pairs to be multiplied with SumPairs: 256 w, w; of the first or last four of each row.
template <bool kLast>
inline __m256i pairs_of_words(__m256i words) {
  const __m256i high = _mm256_slli_epi16(words, 8);
  return kLast ? _mm256_unpackhi_epi16(high, words) : _mm256_unpacklo_epi16(high, words);
}
template <bool kLast>
inline Words pairs_of_words(Words words) {
  return {pairs_of_words<kLast>(words.low), pairs_of_words<kLast>(words.high)};
}
// Products of four pairs of each row with the same four, added for each row.
struct RowSums {
  Ints sums = ints_zero();
  void add(Words pairs, const SumPair* with) {
    const __m256i four =
        _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(with)));
    sums = ints_dot(sums, pairs, {four, four});
  }
  __m128i of_rows() const {
    const __m256i twos = _mm256_hadd_epi32(sums.low, sums.high);
    const __m256i all = _mm256_hadd_epi32(twos, twos);  // rows 0 2 | 1 3
    return _mm_unpacklo_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  }
};

// The head of q4_k and q5_k: see digits.avx512.h.
class KHeads {
 public:
  explicit KHeads(const FourRows& rows) {
    const Words head = four_16_bytes(rows, 0);
    const Words bytes = {scales_and_mins(head.low), scales_and_mins(head.high)};
    const Words mins = {_mm256_unpackhi_epi8(bytes.low, _mm256_setzero_si256()),
                        _mm256_unpackhi_epi8(bytes.high, _mm256_setzero_si256())};
    mins_[0] = pairs_of_words<false>(mins);
    mins_[1] = pairs_of_words<true>(mins);
    store_scales(bytes.low, 0);
    store_scales(bytes.high, 8);
    const __m128i low =
        _mm_unpacklo_epi32(_mm256_castsi256_si128(head.low), _mm256_extracti128_si256(head.low, 1));
    const __m128i high = _mm_unpacklo_epi32(_mm256_castsi256_si128(head.high),
                                            _mm256_extracti128_si256(head.high, 1));
    const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
    d_ = _mm256_cvtph_ps(_mm_shuffle_epi8(_mm_unpacklo_epi64(low, high), order));
  }
  __m128 d() const { return _mm256_castps256_ps128(d_); }
  __m128 dmin() const { return _mm256_extractf128_ps(d_, 1); }
  // The scale of group kFirst of a row in the first half, of group kFirst + 2 in the second.
  template <int kRow, int kFirst>
  Words scale() const {
    const uint32_t* row = groups_[kFirst / 4] + 4 * kRow + kFirst % 4;
    return {_mm256_set1_epi32(static_cast<int>(row[0])),
            _mm256_set1_epi32(static_cast<int>(row[2]))};
  }
  // The sums of minimum times sum(x).
  __m128i min_sums(const SumPair* sum32) const {
    RowSums sums;
    for (int i = 0; i < 2; ++i) sums.add(mins_[i], sum32 + 4 * i);
    return sums.of_rows();
  }

 private:
  static __m256i each_row(int a, int b, int c, int d) {
    return _mm256_setr_epi32(a, b, c, d, a, b, c, d);
  }
  static __m256i scales_and_mins(__m256i head) {
    const __m256i aabb = _mm256_shuffle_epi32(head, 0xa5), c = _mm256_shuffle_epi32(head, 0xff);
    const __m256i low = _mm256_and_si256(_mm256_srlv_epi32(aabb, each_row(0, 2, 0, 2)),
                                         each_row(0x3f3f3f3f, 0x30303030, 0x3f3f3f3f, 0x30303030));
    const __m256i high = _mm256_and_si256(_mm256_srlv_epi32(c, each_row(0, 0, 0, 4)),
                                          each_row(0, 0x0f0f0f0f, 0, 0x0f0f0f0f));
    return _mm256_or_si256(low, high);
  }
  void store_scales(__m256i bytes, int at) {
    const __m256i scales = _mm256_unpacklo_epi8(bytes, _mm256_setzero_si256());
    _mm256_store_si256(reinterpret_cast<__m256i*>(groups_[0] + at),
                       _mm256_unpacklo_epi16(scales, scales));
    _mm256_store_si256(reinterpret_cast<__m256i*>(groups_[1] + at),
                       _mm256_unpackhi_epi16(scales, scales));
  }
  alignas(32) uint32_t groups_[2][16];  // the scale of group 4 i + lane % 4 of row lane / 4, twice
  Words mins_[2];                       // pairs of the first and of the last four
  __m256 d_;                            // d of the rows, then dmin
};

// The 16 scales of q6_k.
class Q6KScales {
 public:
  explicit Q6KScales(const FourRows& rows) {
    const Words bytes = four_16_bytes(rows, 192);
    const Words words[2] = {{wide(_mm256_unpacklo_epi8(bytes.low, bytes.low)),
                             wide(_mm256_unpacklo_epi8(bytes.high, bytes.high))},
                            {wide(_mm256_unpackhi_epi8(bytes.low, bytes.low)),
                             wide(_mm256_unpackhi_epi8(bytes.high, bytes.high))}};
    for (int i = 0; i < 2; ++i) {
      store_twice(words[i].low, i, 0);
      store_twice(words[i].high, i, 8);
      pairs_[2 * i] = pairs_of_words<false>(words[i]);
      pairs_[2 * i + 1] = pairs_of_words<true>(words[i]);
    }
  }
  // The scales of the 64 weights from 64 kSlot on, a group of 16 in each quarter.
  template <int kRow, int kSlot>
  Words scale() const {
    const __m256i four = _mm256_broadcastsi128_si256(
        _mm_load_si128(reinterpret_cast<const __m128i*>(groups_[kSlot] + 4 * kRow)));
    return {_mm256_permutevar8x32_epi32(four, _mm256_setr_epi32(0, 0, 0, 0, 1, 1, 1, 1)),
            _mm256_permutevar8x32_epi32(four, _mm256_setr_epi32(2, 2, 2, 2, 3, 3, 3, 3))};
  }
  // The sums of scale times sum(x).
  __m128i sums(const SumPair* sum16) const {
    RowSums sums;
    for (int i = 0; i < 4; ++i) sums.add(pairs_[i], sum16 + 4 * i);
    return sums.of_rows();
  }

 private:
  static __m256i wide(__m256i bytes_twice) { return _mm256_srai_epi16(bytes_twice, 8); }
  void store_twice(__m256i words, int i, int at) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(groups_[2 * i] + at),
                       _mm256_unpacklo_epi16(words, words));
    _mm256_store_si256(reinterpret_cast<__m256i*>(groups_[2 * i + 1] + at),
                       _mm256_unpackhi_epi16(words, words));
  }
  alignas(32) uint32_t groups_[4][16];  // scale 4 i + lane % 4 of row lane / 4, twice
  Words pairs_[4];                      // of scales 4 i to 4 i + 3
};

}  // namespace
}  // namespace hearth::cpu
