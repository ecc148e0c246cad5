// SPDX-License-Identifier: MIT
// acc + a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1] in 32 bits, for 32 values of 16 bits.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

inline __m512i dot_pairs(__m512i acc, __m512i a, __m512i b) {
  return _mm512_dpwssd_epi32(acc, a, b);
}

}  // namespace
}  // namespace hearth::cpu
