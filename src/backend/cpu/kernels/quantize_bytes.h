// SPDX-License-Identifier: MIT
// Prepares activations as ByteBlocks, written once over Vec; bit for bit what dot_bytes.base.cpp
// does. In, out: kernels/table.h. Included after vec.<isa>.h.
#pragma once
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// The quarters of a block as registers.
struct Quarters {
  Vec v[4][4];
};

inline __m128 largest_of_quarters(const Quarters& x) {
  Vec of_quarter[4];
  for (int h = 0; h < 4; ++h) {
    const Vec a = vec_max(vec_abs(x.v[h][0]), vec_abs(x.v[h][1]));
    of_quarter[h] = vec_max(a, vec_max(vec_abs(x.v[h][2]), vec_abs(x.v[h][3])));
  }
  float largest[4];
  vec_max4(of_quarter, largest);
  return _mm_loadu_ps(largest);
}

// Takes the first value of magnitude `largest` out of a quarter; returns its index there.
inline int take_largest(Vec v[4], float largest) {
  uint64_t lanes = 0;
  for (int i = 0; i < 4; ++i) {
    lanes |= static_cast<uint64_t>(vec_equal_lanes(vec_abs(v[i]), vec_set(largest))) << (16 * i);
  }
  const int index = __builtin_ctzll(lanes);
  const uint64_t others = ~(uint64_t{1} << index);
  for (int i = 0; i < 4; ++i)
    v[i] = vec_keep_lanes(v[i], static_cast<uint16_t>(others >> (16 * i)));
  return index;
}

// The exact sums of 8 times 16 bytes, each 128 too high.
inline __m256i sums_of_16(const uint8_t* x) {
  __m256i fours[4];
  for (int i = 0; i < 4; ++i) {
    const __m256i bytes = _mm256_load_si256(reinterpret_cast<const __m256i*>(x + 32 * i));
    const __m256i pairs = _mm256_maddubs_epi16(bytes, _mm256_set1_epi8(1));
    fours[i] = _mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
  }
  const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(fours[0], fours[1]),
                                         _mm256_hadd_epi32(fours[2], fours[3]));
  const __m256i in_order =
      _mm256_permutevar8x32_epi32(sums, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  return _mm256_sub_epi32(in_order, _mm256_set1_epi32(16 * 128));
}

// fma(scale, sum, the outlier where it lies in the group) for 8 groups of `width` values from group
// `first` on.
template <int width>
inline __m256 prepared_sums(const ByteBlock& block, int first, __m256i sums) {
  constexpr int kPerQuarter = 64 / width;
  const __m256i group =
      _mm256_add_epi32(_mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7), _mm256_set1_epi32(first));
  const __m256i quarter = _mm256_srli_epi32(group, kPerQuarter == 4 ? 2 : 1);
  const __m256 scale =
      _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_load_ps(block.scale)), quarter);
  const __m256 outlier =
      _mm256_permutevar8x32_ps(_mm256_castps128_ps256(_mm_load_ps(block.outlier)), quarter);
  const __m256i index = _mm256_permutevar8x32_epi32(
      _mm256_castsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(block.index))),
      quarter);
  const __m256i inside = _mm256_cmpeq_epi32(_mm256_srli_epi32(index, width == 16 ? 4 : 5), group);
  return _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(sums),
                         _mm256_and_ps(outlier, _mm256_castsi256_ps(inside)));
}

inline void sum_byte_block(ByteBlock& out) {
  const __m256i a = sums_of_16(out.x), b = sums_of_16(out.x + 128);
  _mm256_storeu_ps(out.sum16, prepared_sums<16>(out, 0, a));
  _mm256_storeu_ps(out.sum16 + 8, prepared_sums<16>(out, 8, b));
  // Neighbours added; the addition works on halves of registers.
  const __m256i twos = _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8);
  _mm256_storeu_ps(out.sum32, prepared_sums<32>(out, 0, twos));
}

// A quarter with an infinity or NaN becomes NaN, as if all its values were 0.
inline void hide_quarter(Vec v[4], float& scale) {
  for (int i = 0; i < 4; ++i) v[i] = vec_zero();
  scale = __builtin_nanf("");
}

inline bool is_finite(const Vec v[4]) {
  Vec zeros = vec_zero();  // infinity and NaN give NaN
  for (int i = 0; i < 4; ++i) zeros = vec_add(zeros, vec_mul(v[i], vec_zero()));
  return vec_equal_lanes(zeros, vec_zero()) == 0xffff;
}

inline void quantize_byte_block(const float* in, ByteBlock& out) {
  Quarters x;
  float hidden[4] = {};
  for (int h = 0; h < 4; ++h) {
    for (int i = 0; i < 4; ++i) x.v[h][i] = vec_load(in + 64 * h + 16 * i);
    if (!is_finite(x.v[h])) hide_quarter(x.v[h], hidden[h]);
  }
  float largest[4];
  _mm_storeu_ps(largest, largest_of_quarters(x));
  for (int h = 0; h < 4; ++h) {
    const bool seen = hidden[h] == 0.0f;
    const int at = 64 * h + take_largest(x.v[h], largest[h]);
    out.index[h] = seen ? at : 0;
    out.outlier[h] = seen ? in[at] : 0.0f;
  }
  const __m128 second = largest_of_quarters(x), steps = _mm_set1_ps(127.0f);
  const __m128 counts = _mm_cmpge_ps(second, _mm_set1_ps(0x1p-100f));
  const __m128 scale = _mm_and_ps(_mm_div_ps(second, steps), counts);
  _mm_store_ps(out.scale, _mm_add_ps(scale, _mm_loadu_ps(hidden)));
  float inverse[4];
  _mm_storeu_ps(inverse, _mm_and_ps(_mm_div_ps(steps, second), counts));
  for (int h = 0; h < 4; ++h) {
    for (int i = 0; i < 4; ++i) {
      vec_store_bytes(out.x + 64 * h + 16 * i, vec_mul(x.v[h][i], vec_set(inverse[h])));
    }
  }
  sum_byte_block(out);
}

void quantize_bytes(const float* in, int n, ByteBlock* out, int64_t block_bytes) {
  auto* to = reinterpret_cast<uint8_t*>(out);
  int i = 0;
  for (; i + kActBlock <= n; i += kActBlock, to += block_bytes) {
    quantize_byte_block(in + i, *reinterpret_cast<ByteBlock*>(to));
  }
  if (i < n) {
    alignas(64) float rest[kActBlock] = {};
    __builtin_memcpy(rest, in + i, 4 * static_cast<unsigned long>(n - i));
    quantize_byte_block(rest, *reinterpret_cast<ByteBlock*>(to));
  }
}

}  // namespace
}  // namespace hearth::cpu
