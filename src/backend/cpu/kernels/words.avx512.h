// SPDX-License-Identifier: MIT
// Words, Ints and their functions (see words.avx2.h) as one 512-bit register each. Included after
// dot_pairs.<isa>.h and vec.avx512.h.
#pragma once
#include "backend/cpu/kernels/half.base.h"
#include "backend/cpu/kernels/transpose.avx512.h"
#include "backend/cpu/kernels/vec.avx512.h"

namespace hearth::cpu {
namespace {

using Words = __m512i;
using Ints = __m512i;
struct Doubles {
  __m512d part[2];
};

// 16 sums, two panel rows and one activation: each loaded register serves two multiplications and
// more, and the latency of the multiplication on two ports is covered.
constexpr int kPanelTokens = 8;
constexpr int kPanels = 2;
// Most tokens that one unpacking of four rows serves: a row's sums of each stay in registers.
constexpr int kDirectTokens = 8;

inline __m256i load_32_bytes(const void* p) {
  return _mm256_loadu_si256(static_cast<const __m256i*>(p));
}
inline __m256i two_16_bytes(const uint8_t* a, const uint8_t* b) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_16_bytes(a)), load_16_bytes(b), 1);
}
inline Words words_from_two(const uint8_t* a, const uint8_t* b) {
  return _mm512_cvtepu8_epi16(two_16_bytes(a, b));
}
inline Words words_from_two_signed(const uint8_t* a, const uint8_t* b) {
  return _mm512_cvtepi8_epi16(two_16_bytes(a, b));
}
inline Words words_from_bytes(const uint8_t* p) { return _mm512_cvtepu8_epi16(load_32_bytes(p)); }

inline Words words_load_two(const int16_t* a, const int16_t* b) {
  if (b == a + 16) return _mm512_loadu_si512(a);
  return _mm512_inserti64x4(_mm512_castsi256_si512(load_32_bytes(a)), load_32_bytes(b), 1);
}
inline void words_store_two(int16_t* a, int16_t* b, Words w) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(a), _mm512_castsi512_si256(w));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(b), _mm512_extracti64x4_epi64(w, 1));
}

inline Words words_from_floats(Vec first, Vec second) {
  const __m256i low = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(first));
  const __m256i high = _mm512_cvtepi32_epi16(_mm512_cvtps_epi32(second));
  return _mm512_inserti64x4(_mm512_castsi256_si512(low), high, 1);
}

inline Words words_set(int value) { return _mm512_set1_epi16(static_cast<int16_t>(value)); }
inline Words words_and(Words a, Words b) { return _mm512_and_si512(a, b); }
inline Words words_or(Words a, Words b) { return _mm512_or_si512(a, b); }
inline Words words_sub(Words a, Words b) { return _mm512_sub_epi16(a, b); }
inline Words words_mul(Words a, Words b) { return _mm512_mullo_epi16(a, b); }
template <int kBits>
inline Words words_right(Words a) {
  return _mm512_srli_epi16(a, kBits);
}
template <int kBits>
inline Words words_left(Words a) {
  return _mm512_slli_epi16(a, kBits);
}

inline Words words_bits(uint16_t low, uint16_t high, int value) {
  return _mm512_maskz_mov_epi16(low | static_cast<uint32_t>(high) << 16, words_set(value));
}
inline Words words_table(Words w, const int8_t* table) {
  const __m256i values =
      _mm256_cvtepi8_epi16(load_16_bytes(reinterpret_cast<const uint8_t*>(table)));
  return _mm512_permutexvar_epi16(w, _mm512_castsi256_si512(values));
}

using Scales = __m512i;
inline __m512i twice_16(__m512i dwords) {
  return _mm512_or_si512(_mm512_and_si512(dwords, _mm512_set1_epi32(0xffff)),
                         _mm512_slli_epi32(dwords, 16));
}
inline Scales scales_8(__m256i dwords) { return twice_16(_mm512_castsi256_si512(dwords)); }
inline Scales scales_16(__m128i signed_bytes) {
  return twice_16(_mm512_cvtepi8_epi32(signed_bytes));
}
template <int kLow, int kHigh>
inline Words scales_two(Scales scales) {
  const __m512i lanes = _mm512_setr_epi32(kLow, kLow, kLow, kLow, kLow, kLow, kLow, kLow, kHigh,
                                          kHigh, kHigh, kHigh, kHigh, kHigh, kHigh, kHigh);
  return _mm512_permutexvar_epi32(lanes, scales);
}

inline Ints ints_zero() { return _mm512_setzero_si512(); }
inline Ints ints_dot(Ints acc, Words a, Words b) { return dot_pairs(acc, a, b); }
inline Words words_broadcast_pair(const int16_t* pair) {
  int32_t both;
  __builtin_memcpy(&both, pair, 4);
  return _mm512_set1_epi32(both);
}
inline Words words_load_row(const uint32_t* p) { return _mm512_load_si512(p); }
inline Vec ints_to_vec(Ints a) { return _mm512_cvtepi32_ps(a); }

inline Doubles doubles_zero() { return {{_mm512_setzero_pd(), _mm512_setzero_pd()}}; }
inline Doubles doubles_add(Doubles sum, Ints a) {
  return {{_mm512_add_pd(sum.part[0], _mm512_cvtepi32_pd(_mm512_castsi512_si256(a))),
           _mm512_add_pd(sum.part[1], _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(a, 1)))}};
}
inline Vec doubles_to_vec(Doubles a) {
  return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(a.part[0])),
                            _mm512_cvtpd_ps(a.part[1]), 1);
}

// Four rows of 16 sums to one register: quarter q holds the sums of quarter q of each row.
inline __m512i add_quarters(const Ints a[4]) {
  const __m512i x =
      _mm512_add_epi32(_mm512_unpacklo_epi32(a[0], a[1]), _mm512_unpackhi_epi32(a[0], a[1]));
  const __m512i y =
      _mm512_add_epi32(_mm512_unpacklo_epi32(a[2], a[3]), _mm512_unpackhi_epi32(a[2], a[3]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
}
inline __m128i ints_sum4(const Ints a[4]) {
  const __m512i quarters = add_quarters(a);
  const __m256i halves =
      _mm256_add_epi32(_mm512_castsi512_si256(quarters), _mm512_extracti64x4_epi64(quarters, 1));
  return _mm_add_epi32(_mm256_castsi256_si128(halves), _mm256_extracti128_si256(halves, 1));
}
inline __m128 ints_sum4_narrow(const Ints a[4]) { return _mm_cvtepi32_ps(ints_sum4(a)); }
inline __m128 ints_sum4_wide(const Ints a[4]) {
  const __m512i quarters = add_quarters(a);
  const __m512d halves = _mm512_add_pd(_mm512_cvtepi32_pd(_mm512_castsi512_si256(quarters)),
                                       _mm512_cvtepi32_pd(_mm512_extracti64x4_epi64(quarters, 1)));
  return _mm256_cvtpd_ps(
      _mm256_add_pd(_mm512_castpd512_pd256(halves), _mm512_extractf64x4_pd(halves, 1)));
}
inline __m256i ints_sum8(const Ints a[4]) {
  const __m512i quarters = add_quarters(a);
  const __m512i halves = _mm512_add_epi32(quarters, _mm512_shuffle_i32x4(quarters, quarters, 0xb1));
  const __m512i in_order = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castsi512_si256(_mm512_permutexvar_epi32(in_order, halves));
}

}  // namespace
}  // namespace hearth::cpu
