// SPDX-License-Identifier: MIT
// What dot_bytes.h and byte_loop.h need beside words.avx2.h: sizes of the tile, and Ints in
// registers of 256 bits.
#pragma once
#include "backend/cpu/kernels/words.avx2.h"

namespace hearth::cpu {
namespace {

// 8 registers of sums, 2 of weights, one activation.
constexpr int kByteTokens = 4;
constexpr int kBytePair = 1;
// No tile for a rest.
constexpr int kByteRest = 0;
constexpr int kByteRestPanels = 1;

inline Ints ints_set(int value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }
inline Ints ints_load(const void* p) {
  const auto* parts = static_cast<const __m256i*>(p);
  return {_mm256_load_si256(parts), _mm256_load_si256(parts + 1)};
}
inline void ints_store(void* p, Ints a) {
  auto* parts = static_cast<__m256i*>(p);
  _mm256_store_si256(parts, a.low);
  _mm256_store_si256(parts + 1, a.high);
}
inline Ints ints_sub(Ints a, Ints b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
inline Ints ints_and(Ints a, Ints b) {
  return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
inline Ints ints_or(Ints a, Ints b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
template <int kBits>
inline Ints ints_left(Ints a) {
  return {_mm256_slli_epi32(a.low, kBits), _mm256_slli_epi32(a.high, kBits)};
}
template <int kBits>
inline Ints ints_right(Ints a) {
  return {_mm256_srli_epi32(a.low, kBits), _mm256_srli_epi32(a.high, kBits)};
}
// Byte kByte of each lane, signed.
template <int kByte>
inline Ints signed_byte(Ints a) {
  const auto eight = [](__m256i lanes) {
    return _mm256_srai_epi32(_mm256_slli_epi32(lanes, 24 - 8 * kByte), 24);
  };
  return {eight(a.low), eight(a.high)};
}
inline Ints bytes_sub(Ints a, Ints b) {
  return {_mm256_sub_epi8(a.low, b.low), _mm256_sub_epi8(a.high, b.high)};
}
// The low 16 bits of each lane, a binary16.
inline Vec vec_of_low_halves(Ints a) {
  const auto eight = [](__m256i lanes) {
    const __m256i low = _mm256_and_si256(lanes, _mm256_set1_epi32(0xffff));
    // The pack works on halves of registers.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0xd8);
    return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
  };
  return {eight(a.low), eight(a.high)};
}
inline Ints ints_xor(Ints a, Ints b) {
  return {_mm256_xor_si256(a.low, b.low), _mm256_xor_si256(a.high, b.high)};
}
inline Ints ints_times_128(Ints a) {
  return {_mm256_slli_epi32(a.low, 7), _mm256_slli_epi32(a.high, 7)};
}
// The bits as floats.
inline Vec ints_as_vec(Ints a) { return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)}; }
// What byte_words.h needs: Ints as words and bytes.
inline Ints bytes_abs(Ints a) { return {_mm256_abs_epi8(a.low), _mm256_abs_epi8(a.high)}; }
// x, negated where the sign is negative; anything where it is 0.
inline Ints bytes_with_sign(Ints x, Ints sign) {
  return {_mm256_sign_epi8(x.low, sign.low), _mm256_sign_epi8(x.high, sign.high)};
}
// Products of pairs of bytes in words: the first unsigned, the second signed.
inline Ints bytes_dot_pairs(Ints a, Ints b) {
  return {_mm256_maddubs_epi16(a.low, b.low), _mm256_maddubs_epi16(a.high, b.high)};
}
inline Ints words_sum(Ints a, Ints b) {
  Ints sum = {_mm256_add_epi16(a.low, b.low), _mm256_add_epi16(a.high, b.high)};
  // Else g++ 12 adds up in trees, whose leaves do not fit the registers.
  asm("" : "+x"(sum.low), "+x"(sum.high));
  return sum;
}
// sum + both words of each lane.
inline Ints ints_add_pairs(Ints sum, Ints words) {
  const __m256i one = _mm256_set1_epi16(1);
  return {_mm256_add_epi32(sum.low, _mm256_madd_epi16(words.low, one)),
          _mm256_add_epi32(sum.high, _mm256_madd_epi16(words.high, one))};
}
template <bool kWide>
inline Ints ints_dot_quads(Ints acc, Ints x, Ints w) {
  return {dot_quads<kWide>(acc.low, x.low, w.low), dot_quads<kWide>(acc.high, x.high, w.high)};
}

}  // namespace
}  // namespace hearth::cpu
