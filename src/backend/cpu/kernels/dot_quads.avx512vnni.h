// SPDX-License-Identifier: MIT
// Sums of four products of bytes, for 16 lanes, and the tile of them that prefill lives on.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

// acc + x[4 i] * w[4 i] + … + x[4 i + 3] * w[4 i + 3] for each lane i; x of 0 to 255, w signed. Any
// w if kWide. (Assembly for the reason given in dot_pairs.avx512vnni.h.)
template <bool kWide>
inline __m512i dot_quads(__m512i acc, __m512i x, __m512i w) {
  asm("vpdpbusd %2, %1, %0" : "+v"(acc) : "v"(x), "v"(w));
  return acc;
}

}  // namespace
}  // namespace hearth::cpu
