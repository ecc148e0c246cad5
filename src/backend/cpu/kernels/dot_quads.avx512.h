// SPDX-License-Identifier: MIT
// Sums of four products of bytes, for 16 lanes, without VNNI.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

// acc + x[4 i] * w[4 i] + … + x[4 i + 3] * w[4 i + 3] for each lane i; x of 0 to 255, w signed. The
// instruction adds two products in 16 bits: they fit for |w| <= 64; for more (kWide), x is cut into
// its last bit and the seven before it.
template <bool kWide>
inline __m512i dot_quads(__m512i acc, __m512i x, __m512i w) {
  if constexpr (!kWide) {
    const __m512i pairs = _mm512_maddubs_epi16(x, w);
    return _mm512_add_epi32(acc, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
  } else {
    const __m512i upper = _mm512_and_si512(_mm512_srli_epi16(x, 1), _mm512_set1_epi8(127));
    const __m512i twos = _mm512_maddubs_epi16(upper, w);
    const __m512i ones = _mm512_maddubs_epi16(_mm512_and_si512(x, _mm512_set1_epi8(1)), w);
    return _mm512_add_epi32(acc, _mm512_add_epi32(_mm512_madd_epi16(twos, _mm512_set1_epi16(2)),
                                                  _mm512_madd_epi16(ones, _mm512_set1_epi16(1))));
  }
}

}  // namespace
}  // namespace hearth::cpu
