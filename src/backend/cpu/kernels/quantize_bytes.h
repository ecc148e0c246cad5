// SPDX-License-Identifier: MIT
// Prepares activations as ByteBlocks, written once over Vec; bit for bit what dot_bytes.base.cpp
// does. In, out: kernels/table.h. Included after vec.<isa>.h.
#pragma once
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// The exact sum of 16 prepared bytes, each 128 too high.
inline int sum_16_bytes(const uint8_t* x) {
  const __m128i sums = _mm_sad_epu8(load_16_bytes(x), _mm_setzero_si128());
  return _mm_cvtsi128_si32(_mm_add_epi64(sums, _mm_unpackhi_epi64(sums, sums))) - 16 * 128;
}

inline int first_lane_of(const Vec v[4], Vec wanted) {
  uint64_t lanes = 0;
  for (int i = 0; i < 4; ++i)
    lanes |= static_cast<uint64_t>(vec_equal_lanes(v[i], wanted)) << 16 * i;
  return __builtin_ctzll(lanes);
}

inline Vec max_of_four(const Vec v[4]) { return vec_max(vec_max(v[0], v[1]), vec_max(v[2], v[3])); }

inline void quantize_quarter(const float* in, int h, ByteBlock& out) {
  Vec magnitude[4], not_finite = vec_zero();
  for (int i = 0; i < 4; ++i) {
    const Vec v = vec_load(in + 16 * i);
    magnitude[i] = vec_abs(v);
    not_finite = vec_add(not_finite, vec_mul(v, vec_zero()));  // infinity and NaN give NaN
  }
  if (vec_sum(not_finite) != 0.0f) {
    for (int i = 0; i < 64; ++i) out.x[64 * h + i] = 128;
    out.scale[h] = __builtin_nanf("");
    return;
  }
  const int largest = first_lane_of(magnitude, vec_set(vec_max_lane(max_of_four(magnitude))));
  alignas(64) float rest[64];
  for (int i = 0; i < 4; ++i) vec_store(rest + 16 * i, vec_load(in + 16 * i));
  rest[largest] = 0.0f;
  out.index[h] = 64 * h + largest;
  out.outlier[h] = in[largest];
  Vec others[4];
  for (int i = 0; i < 4; ++i) others[i] = vec_abs(vec_load(rest + 16 * i));
  const float second = vec_max_lane(max_of_four(others));
  const bool counts = second >= 0x1p-100f;
  out.scale[h] = counts ? second / 127.0f : 0.0f;
  const Vec inverse = vec_set(counts ? 127.0f / second : 0.0f);
  for (int i = 0; i < 4; ++i) {
    vec_store_bytes(out.x + 64 * h + 16 * i, vec_mul(vec_load(rest + 16 * i), inverse));
  }
}

inline void quantize_byte_block(const float* in, ByteBlock& out) {
  out = {};
  for (int h = 0; h < 4; ++h) quantize_quarter(in + 64 * h, h, out);
  for (int j = 0; j < 8; ++j) {
    const int h = j / 2, first = sum_16_bytes(out.x + 32 * j),
              second = sum_16_bytes(out.x + 32 * j + 16);
    const auto outlier = [&](int from, int n) {
      return out.index[h] >= from && out.index[h] < from + n ? out.outlier[h] : 0.0f;
    };
    const auto sum = [&](int integers, float beside) {
      return __builtin_fmaf(out.scale[h], static_cast<float>(integers), beside);
    };
    out.sum16[2 * j] = sum(first, outlier(32 * j, 16));
    out.sum16[2 * j + 1] = sum(second, outlier(32 * j + 16, 16));
    out.sum32[j] = sum(first + second, outlier(32 * j, 32));
  }
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
