// SPDX-License-Identifier: MIT
// Prepares activations for the quantized products, written once over Vec and Words; bit for bit
// what quantize.base.cpp does. In, out: kernels/table.h. Included after words.<isa>.h.
#pragma once
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

inline __m256i pairs_of(__m256i sums) {
  const __m256i high = _mm256_and_si256(_mm256_srai_epi32(sums, 8), _mm256_set1_epi32(0xffff));
  const __m256i low = _mm256_and_si256(sums, _mm256_set1_epi32(255));
  return _mm256_or_si256(high, _mm256_slli_epi32(low, 16));
}
inline void store_pairs(SumPair* out, __m256i sums) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(out), pairs_of(sums));
}

// x and the sums of a block whose values are finite.
inline void quantize_finite(const float* in, float inverse, ActBlock& out) {
  const Vec factor = vec_set(inverse);
  Ints sums[8];
  for (int i = 0; i < 8; ++i) {
    const Words w = words_from_floats(vec_mul(vec_load(in + 32 * i), factor),
                                      vec_mul(vec_load(in + 32 * i + 16), factor));
    words_store_two(out.x + 32 * i, out.x + 32 * i + 16, w);
    sums[i] = ints_dot(ints_zero(), w, words_set(1));
  }
  const __m256i first = ints_sum8(sums), second = ints_sum8(sums + 4);
  store_pairs(out.sum16, first);
  store_pairs(out.sum16 + 8, second);
  // Neighbours added; the addition works on halves of registers.
  const __m256i twos = _mm256_hadd_epi32(first, second);
  store_pairs(out.sum32, _mm256_permute4x64_epi64(twos, 0xd8));
}

inline void quantize_block(const float* in, ActBlock& out) {
  Vec largest = vec_zero(), not_finite = vec_zero();
  for (int i = 0; i < kActBlock; i += 16) {
    const Vec v = vec_load(in + i);
    largest = vec_max(largest, vec_abs(v));
    not_finite = vec_add(not_finite, vec_mul(v, vec_zero()));  // infinity and NaN give NaN
  }
  const float top = vec_max_lane(largest), check = vec_sum(not_finite);
  if (check == 0.0f && top >= 0x1p-100f) {
    out.scale = top / kActMax;
    quantize_finite(in, kActMax / top, out);
  } else {
    out = {};
    out.scale = check == 0.0f ? 0.0f : __builtin_nanf("");
  }
}

void quantize_act(const float* in, int n, ActBlock* out) {
  int i = 0;
  for (; i + kActBlock <= n; i += kActBlock) quantize_block(in + i, *out++);
  if (i < n) {
    float rest[kActBlock] = {};
    __builtin_memcpy(rest, in + i, 4 * static_cast<unsigned long>(n - i));
    quantize_block(rest, *out);
  }
}

}  // namespace
}  // namespace hearth::cpu
