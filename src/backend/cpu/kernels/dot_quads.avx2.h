// SPDX-License-Identifier: MIT
// Sums of four products of bytes, for 8 lanes, without VNNI.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

// See dot_quads.avx512.h.
template <bool kWide>
inline __m256i dot_quads(__m256i acc, __m256i x, __m256i w) {
  if constexpr (!kWide) {
    const __m256i pairs = _mm256_maddubs_epi16(x, w);
    return _mm256_add_epi32(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  } else {
    const __m256i upper = _mm256_and_si256(_mm256_srli_epi16(x, 1), _mm256_set1_epi8(127));
    const __m256i twos = _mm256_maddubs_epi16(upper, w);
    const __m256i ones = _mm256_maddubs_epi16(_mm256_and_si256(x, _mm256_set1_epi8(1)), w);
    return _mm256_add_epi32(acc, _mm256_add_epi32(_mm256_madd_epi16(twos, _mm256_set1_epi16(2)),
                                                  _mm256_madd_epi16(ones, _mm256_set1_epi16(1))));
  }
}

}  // namespace
}  // namespace hearth::cpu
