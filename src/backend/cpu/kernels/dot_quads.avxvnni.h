// SPDX-License-Identifier: MIT
// Sums of four products of bytes, for 8 lanes, with AVX-VNNI.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

// See dot_quads.avx512vnni.h. The VEX form is asked for by name: the other one needs AVX-512.
template <bool kWide>
inline __m256i dot_quads(__m256i acc, __m256i x, __m256i w) {
  asm("%{vex%} vpdpbusd %2, %1, %0" : "+x"(acc) : "x"(x), "x"(w));
  return acc;
}

}  // namespace
}  // namespace hearth::cpu
