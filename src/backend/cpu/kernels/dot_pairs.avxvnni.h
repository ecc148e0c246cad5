// SPDX-License-Identifier: MIT
// acc + a[2 i] * b[2 i] + a[2 i + 1] * b[2 i + 1] in 32 bits, for 16 values of 16 bits.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

// Assembly and not _mm256_dpwssd_avx_epi32, for which g++ 12 copies each sum of a loop to another
// register and back (bench/kernels, prefill of q4_k, 512 tokens: 1.1 times as fast).
inline __m256i dot_pairs(__m256i acc, __m256i a, __m256i b) {
  asm("%{vex%} vpdpwssd %2, %1, %0" : "+x"(acc) : "x"(a), "x"(b));
  return acc;
}

}  // namespace
}  // namespace hearth::cpu
