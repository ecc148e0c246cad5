// SPDX-License-Identifier: MIT
// acc + a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1] in 32 bits, for 16 values of 16 bits.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

inline __m256i dot_pairs(__m256i acc, __m256i a, __m256i b) {
  return _mm256_add_epi32(acc, _mm256_madd_epi16(a, b));
}

}  // namespace
}  // namespace hearth::cpu
