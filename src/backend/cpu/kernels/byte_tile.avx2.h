// SPDX-License-Identifier: MIT
// What dot_bytes.h and byte_loop.h need beside lanes.avx2.h: sizes of the tile, and Ints in
// registers of 256 bits.
#pragma once
#include "backend/cpu/kernels/lanes.avx2.h"

namespace hearth::cpu {
namespace {

// 8 registers of sums, 2 of weights, one activation.
constexpr int kByteTokens = 4;
constexpr int kBytePair = 1;
// No tile for a rest.
constexpr int kByteRest = 0;
constexpr int kByteRestPanels = 1;

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
