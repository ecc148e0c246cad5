// SPDX-License-Identifier: MIT
// What the quantized products are written over (unpack.h, dot_direct.h, dot_panel.h): Words, 32
// integers of 16 bits, as two registers (words 0 to 15 and 16 to 31), and Ints, 16 sums of 32 bits.
// The functions of words.avx512.h have the same names and meaning. Included after dot_pairs.<isa>.h
// and vec.avx2.h.
#pragma once
#include "backend/cpu/kernels/half.base.h"
#include "backend/cpu/kernels/transpose.avx2.h"
#include "backend/cpu/kernels/vec.avx2.h"

namespace hearth::cpu {
namespace {

struct Words {
  __m256i low, high;
};
struct Ints {
  __m256i low, high;
};
struct Doubles {
  __m256d part[4];
};

// Tokens that one pass over panels serves, and panels of 16 rows at once: 8 registers of sums, one
// panel row, one activation.
constexpr int kPanelTokens = 4;
constexpr int kPanels = 1;
// Most tokens that one unpacking of four rows serves: a row's sums of each stay in registers.
constexpr int kDirectTokens = 4;

inline __m256i load_16_words(const int16_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

// 32 bytes, or 16 from each of two places, widened.
inline Words words_from_two(const uint8_t* a, const uint8_t* b) {
  return {_mm256_cvtepu8_epi16(load_16_bytes(a)), _mm256_cvtepu8_epi16(load_16_bytes(b))};
}
inline Words words_from_two_signed(const uint8_t* a, const uint8_t* b) {
  return {_mm256_cvtepi8_epi16(load_16_bytes(a)), _mm256_cvtepi8_epi16(load_16_bytes(b))};
}
inline Words words_from_bytes(const uint8_t* p) { return words_from_two(p, p + 16); }

// 16 words at each of two places.
inline Words words_load_two(const int16_t* a, const int16_t* b) {
  return {load_16_words(a), load_16_words(b)};
}
inline void words_store_two(int16_t* a, int16_t* b, Words w) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(a), w.low);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(b), w.high);
}

// Rounded to the nearest whole number, ties to even.
inline __m256i round_to_words(Vec v) {
  const __m256i packed = _mm256_packs_epi32(_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high));
  return _mm256_permute4x64_epi64(packed, 0xd8);  // the pack works on halves of registers
}
inline Words words_from_floats(Vec first, Vec second) {
  return {round_to_words(first), round_to_words(second)};
}

inline Words words_set(int value) {
  const __m256i v = _mm256_set1_epi16(static_cast<int16_t>(value));
  return {v, v};
}
inline Words words_and(Words a, Words b) {
  return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
inline Words words_or(Words a, Words b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
inline Words words_sub(Words a, Words b) {
  return {_mm256_sub_epi16(a.low, b.low), _mm256_sub_epi16(a.high, b.high)};
}
inline Words words_mul(Words a, Words b) {
  return {_mm256_mullo_epi16(a.low, b.low), _mm256_mullo_epi16(a.high, b.high)};
}
template <int kBits>
inline Words words_right(Words a) {
  return {_mm256_srli_epi16(a.low, kBits), _mm256_srli_epi16(a.high, kBits)};
}
template <int kBits>
inline Words words_left(Words a) {
  return {_mm256_slli_epi16(a.low, kBits), _mm256_slli_epi16(a.high, kBits)};
}

// value where bit i of `low` (words 0 to 15) or `high` is set, else 0.
inline __m256i spread_bits(uint16_t bits, int value) {
  const __m256i lanes = _mm256_setr_epi16(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096,
                                          8192, 16384, static_cast<int16_t>(0x8000));
  const __m256i all = _mm256_set1_epi16(static_cast<int16_t>(bits));
  const __m256i set = _mm256_cmpeq_epi16(_mm256_and_si256(all, lanes), lanes);
  return _mm256_and_si256(set, _mm256_set1_epi16(static_cast<int16_t>(value)));
}
inline Words words_bits(uint16_t low, uint16_t high, int value) {
  return {spread_bits(low, value), spread_bits(high, value)};
}

// table[w] of 16 signed bytes, 0 <= w < 16: the byte is looked up for both halves of the word, the
// shift keeps one with its sign.
inline __m256i look_up(__m256i table, __m256i words) {
  const __m256i twice = _mm256_or_si256(words, _mm256_slli_epi16(words, 8));
  return _mm256_srai_epi16(_mm256_shuffle_epi8(table, twice), 8);
}
inline Words words_table(Words w, const int8_t* table) {
  const __m256i bytes =
      _mm256_broadcastsi128_si256(load_16_bytes(reinterpret_cast<const uint8_t*>(table)));
  return {look_up(bytes, w.low), look_up(bytes, w.high)};
}

// Up to 16 scales of 16 bits, each twice in 32: in memory, because a broadcast from there costs no
// shuffle.
struct Scales {
  alignas(32) uint32_t pair[16];
};
inline __m256i twice_16(__m256i dwords) {
  return _mm256_or_si256(_mm256_and_si256(dwords, _mm256_set1_epi32(0xffff)),
                         _mm256_slli_epi32(dwords, 16));
}
inline void scales_store(Scales& scales, int at, __m256i dwords) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(scales.pair + at), twice_16(dwords));
}
inline Scales scales_8(__m256i dwords) {
  Scales scales;
  scales_store(scales, 0, dwords);
  return scales;
}
inline Scales scales_16(__m128i signed_bytes) {
  Scales scales;
  scales_store(scales, 0, _mm256_cvtepi8_epi32(signed_bytes));
  scales_store(scales, 8, _mm256_cvtepi8_epi32(_mm_srli_si128(signed_bytes, 8)));
  return scales;
}
// Scale kLow in words 0 to 15, scale kHigh in words 16 to 31.
template <int kLow, int kHigh>
inline Words scales_two(const Scales& scales) {
  return {_mm256_set1_epi32(static_cast<int>(scales.pair[kLow])),
          _mm256_set1_epi32(static_cast<int>(scales.pair[kHigh]))};
}

inline Ints ints_zero() { return {_mm256_setzero_si256(), _mm256_setzero_si256()}; }
inline Ints ints_dot(Ints acc, Words a, Words b) {
  return {dot_pairs(acc.low, a.low, b.low), dot_pairs(acc.high, a.high, b.high)};
}
// One pair of words in all 16 places.
inline Words words_broadcast_pair(const int16_t* pair) {
  const __m256i v = _mm256_castps_si256(_mm256_broadcast_ss(reinterpret_cast<const float*>(pair)));
  return {v, v};
}
inline Words words_load_row(const uint32_t* p) {
  const auto* parts = reinterpret_cast<const __m256i*>(p);
  return {_mm256_load_si256(parts), _mm256_load_si256(parts + 1)};
}
inline Vec ints_to_vec(Ints a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }

inline Doubles doubles_zero() {
  const __m256d zero = _mm256_setzero_pd();
  return {{zero, zero, zero, zero}};
}
inline Doubles doubles_add(Doubles sum, Ints a) {
  sum.part[0] = _mm256_add_pd(sum.part[0], _mm256_cvtepi32_pd(_mm256_castsi256_si128(a.low)));
  sum.part[1] = _mm256_add_pd(sum.part[1], _mm256_cvtepi32_pd(_mm256_extracti128_si256(a.low, 1)));
  sum.part[2] = _mm256_add_pd(sum.part[2], _mm256_cvtepi32_pd(_mm256_castsi256_si128(a.high)));
  sum.part[3] = _mm256_add_pd(sum.part[3], _mm256_cvtepi32_pd(_mm256_extracti128_si256(a.high, 1)));
  return sum;
}
inline Vec doubles_to_vec(Doubles a) {
  return {_mm256_set_m128(_mm256_cvtpd_ps(a.part[1]), _mm256_cvtpd_ps(a.part[0])),
          _mm256_set_m128(_mm256_cvtpd_ps(a.part[3]), _mm256_cvtpd_ps(a.part[2]))};
}

// Four rows of 8 sums to one register: per half of a register, the sums of 4 lanes of each row.
inline __m256i add_quarters(__m256i a, __m256i b, __m256i c, __m256i d) {
  return _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
}
inline __m128i add_halves(__m256i a) {
  return _mm_add_epi32(_mm256_castsi256_si128(a), _mm256_extracti128_si256(a, 1));
}

// The sum of all lanes of each of four Ints, where it fits 32 bits; then as float, rounded once;
// then the same where only the sums of any 4 lanes fit.
inline __m128i ints_sum4(const Ints a[4]) {
  return add_halves(
      add_quarters(_mm256_add_epi32(a[0].low, a[0].high), _mm256_add_epi32(a[1].low, a[1].high),
                   _mm256_add_epi32(a[2].low, a[2].high), _mm256_add_epi32(a[3].low, a[3].high)));
}
inline __m128 ints_sum4_narrow(const Ints a[4]) { return _mm_cvtepi32_ps(ints_sum4(a)); }
inline __m128 ints_sum4_wide(const Ints a[4]) {
  const __m256i low = add_quarters(a[0].low, a[1].low, a[2].low, a[3].low);
  const __m256i high = add_quarters(a[0].high, a[1].high, a[2].high, a[3].high);
  const __m256d first = _mm256_add_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(low)),
                                      _mm256_cvtepi32_pd(_mm256_extracti128_si256(low, 1)));
  const __m256d second = _mm256_add_pd(_mm256_cvtepi32_pd(_mm256_castsi256_si128(high)),
                                       _mm256_cvtepi32_pd(_mm256_extracti128_si256(high, 1)));
  return _mm256_cvtpd_ps(_mm256_add_pd(first, second));
}

// Lane 2 i: the sum of lanes 0 to 7 of a[i]; lane 2 i + 1: of its lanes 8 to 15.
inline __m256i ints_sum8(const Ints a[4]) {
  const __m256i x = add_quarters(a[0].low, a[0].high, a[1].low, a[1].high);
  const __m256i y = add_quarters(a[2].low, a[2].high, a[3].low, a[3].high);
  return _mm256_add_epi32(_mm256_permute2x128_si256(x, y, 0x20),
                          _mm256_permute2x128_si256(x, y, 0x31));
}

}  // namespace
}  // namespace hearth::cpu
