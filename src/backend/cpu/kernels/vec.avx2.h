// SPDX-License-Identifier: MIT
// Vec (see vec.base.h) as two 256-bit registers: lanes 0 to 7 and 8 to 15.
#pragma once
#include <immintrin.h>

#include "backend/cpu/kernels/half.base.h"

namespace hearth::cpu {
namespace {

struct Vec {
  __m256 low, high;
};

// Of the float products: 8 registers of sums, the operands in the other 8.
constexpr int kTileQueries = 2;
constexpr int kTilePositions = 2;
// Most heads that share a row of attention's cache once it is brought to floats, and how many rows,
// or sixteens of a row's columns, so many of them take at a time.
constexpr int kSharedQueries = 6;
constexpr int shared_tile(int n_queries) { return n_queries >= 3 ? 1 : 2; }
// The same of attention_panel.h: queries, and registers of positions.
constexpr int kPanelQueries = 2;
constexpr int kPanelVecs = 1;
constexpr int kStraightQueries = 6;
constexpr int kStraightVecs = 1;

inline Vec vec_set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
inline Vec vec_set_f16(const uint8_t* p) {
  const __m256 v = _mm256_cvtph_ps(_mm_set1_epi16(static_cast<int16_t>(load_u16(p))));
  return {v, v};
}
inline Vec vec_zero() { return {_mm256_setzero_ps(), _mm256_setzero_ps()}; }

// All ones in the first n lanes of 8 (n may be negative or above 8).
inline __m256i first_lanes(int n) {
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Vec vec_load(const float* p) { return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)}; }
inline void vec_store(float* p, Vec v) {
  _mm256_storeu_ps(p, v.low);
  _mm256_storeu_ps(p + 8, v.high);
}
inline Vec vec_load_n(const float* p, int n) {
  return {_mm256_maskload_ps(p, first_lanes(n)), _mm256_maskload_ps(p + 8, first_lanes(n - 8))};
}
inline void vec_store_n(float* p, Vec v, int n) {
  _mm256_maskstore_ps(p, first_lanes(n), v.low);
  _mm256_maskstore_ps(p + 8, first_lanes(n - 8), v.high);
}

inline __m128i load_16_bytes(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline void store_16_bytes(uint8_t* p, __m128i v) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), v);
}

// 16-bit values of a row's end go through a copy: there is no masked access of that width.
struct alignas(32) Halves {
  uint16_t lane[16];
};
inline Halves load_halves(const uint8_t* p, int n) {
  Halves halves = {};
  for (int i = 0; i < n; ++i) halves.lane[i] = load_u16(p + 2 * i);
  return halves;
}
inline void store_halves(uint8_t* p, const Halves& halves, int n) {
  for (int i = 0; i < n; ++i) __builtin_memcpy(p + 2 * i, &halves.lane[i], 2);
}

inline Vec vec_load_f16(const uint8_t* p) {
  return {_mm256_cvtph_ps(load_16_bytes(p)), _mm256_cvtph_ps(load_16_bytes(p + 16))};
}
inline Vec vec_load_f16_n(const uint8_t* p, int n) {
  const Halves halves = load_halves(p, n);
  return vec_load_f16(reinterpret_cast<const uint8_t*>(halves.lane));
}
inline void vec_store_f16(uint8_t* p, Vec v) {
  constexpr int kNearest = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  store_16_bytes(p, _mm256_cvtps_ph(v.low, kNearest));
  store_16_bytes(p + 16, _mm256_cvtps_ph(v.high, kNearest));
}
inline void vec_store_f16_n(uint8_t* p, Vec v, int n) {
  Halves halves;
  vec_store_f16(reinterpret_cast<uint8_t*>(halves.lane), v);
  store_halves(p, halves, n);
}

inline __m256 from_bf16(__m128i bits) {
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline Vec vec_load_bf16(const uint8_t* p) {
  return {from_bf16(load_16_bytes(p)), from_bf16(load_16_bytes(p + 16))};
}
inline Vec vec_load_bf16_n(const uint8_t* p, int n) {
  const Halves halves = load_halves(p, n);
  return vec_load_bf16(reinterpret_cast<const uint8_t*>(halves.lane));
}
inline __m256i bf16_of(__m256 v) {
  const __m256i bits = _mm256_castps_si256(v);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(bits, 16), _mm256_set1_epi32(1));
  const __m256i rounded = _mm256_add_epi32(_mm256_add_epi32(bits, _mm256_set1_epi32(0x7fff)), odd);
  const __m256i is_nan = _mm256_castps_si256(_mm256_cmp_ps(v, v, _CMP_UNORD_Q));
  const __m256i quiet = _mm256_or_si256(bits, _mm256_set1_epi32(0x400000));
  return _mm256_srli_epi32(_mm256_blendv_epi8(rounded, quiet, is_nan), 16);
}
inline void vec_store_bf16(uint8_t* p, Vec v) {
  // The pack works on halves of registers: 0-3, 8-11, 4-7, 12-15.
  const __m256i packed = _mm256_packus_epi32(bf16_of(v.low), bf16_of(v.high));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(packed, 0xd8));
}
inline void vec_store_bf16_n(uint8_t* p, Vec v, int n) {
  Halves halves;
  vec_store_bf16(reinterpret_cast<uint8_t*>(halves.lane), v);
  store_halves(p, halves, n);
}

inline Vec vec_load_i8(const uint8_t* p) {
  const __m128i bytes = load_16_bytes(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(bytes)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(bytes, 8)))};
}
inline Vec vec_load_nibbles(const uint8_t* p, bool high) {
  const __m128i bytes = load_16_bytes(p);
  const __m128i nibbles = _mm_and_si128(high ? _mm_srli_epi16(bytes, 4) : bytes, _mm_set1_epi8(15));
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(nibbles)),
          _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(nibbles, 8)))};
}
inline Vec vec_bits(uint16_t bits) {
  const __m256i lanes = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i all = _mm256_set1_epi32(bits), one = _mm256_castps_si256(_mm256_set1_ps(1.0f));
  const __m256i low = _mm256_cmpeq_epi32(_mm256_and_si256(all, lanes), lanes);
  const __m256i upper = _mm256_slli_epi32(lanes, 8);
  const __m256i high = _mm256_cmpeq_epi32(_mm256_and_si256(all, upper), upper);
  return {_mm256_castsi256_ps(_mm256_and_si256(low, one)),
          _mm256_castsi256_ps(_mm256_and_si256(high, one))};
}

inline Vec vec_add(Vec a, Vec b) {
  return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
}
inline Vec vec_sub(Vec a, Vec b) {
  return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
}
inline Vec vec_mul(Vec a, Vec b) {
  return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)};
}
inline Vec vec_div(Vec a, Vec b) {
  return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)};
}
inline Vec vec_fma(Vec a, Vec b, Vec c) {
  return {_mm256_fmadd_ps(a.low, b.low, c.low), _mm256_fmadd_ps(a.high, b.high, c.high)};
}
inline Vec vec_min(Vec a, Vec b) {
  return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)};
}
inline Vec vec_max(Vec a, Vec b) {
  return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)};
}
inline Vec vec_select_less(Vec a, Vec b, Vec x, Vec y) {
  return {_mm256_blendv_ps(y.low, x.low, _mm256_cmp_ps(a.low, b.low, _CMP_LT_OQ)),
          _mm256_blendv_ps(y.high, x.high, _mm256_cmp_ps(a.high, b.high, _CMP_LT_OQ))};
}
inline Vec vec_abs(Vec a) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_andnot_ps(bit, a.low), _mm256_andnot_ps(bit, a.high)};
}
inline Vec vec_copy_sign(Vec magnitude, Vec sign) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(bit, magnitude.low), _mm256_and_ps(bit, sign.low)),
          _mm256_or_ps(_mm256_andnot_ps(bit, magnitude.high), _mm256_and_ps(bit, sign.high))};
}
inline __m256 pow2_of(__m256 n_plus_magic) {
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(n_plus_magic), 23);
  return _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f800000)));
}
inline Vec vec_pow2(Vec n_plus_magic) {
  return {pow2_of(n_plus_magic.low), pow2_of(n_plus_magic.high)};
}

inline __m128 fold_to_4(Vec v) {
  const __m256 a = _mm256_add_ps(v.low, v.high);
  return _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
}
// Bit i: lane i of both is equal.
inline uint32_t vec_equal_lanes(Vec a, Vec b) {
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(a.low, b.low, _CMP_EQ_OQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(a.high, b.high, _CMP_EQ_OQ));
  return static_cast<uint32_t>(low | high << 8);
}
inline __m256 keep_8(__m256 v, int lanes) {
  const __m256i bit = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
  const __m256i kept = _mm256_and_si256(_mm256_set1_epi32(lanes), bit);
  return _mm256_and_ps(v, _mm256_castsi256_ps(_mm256_cmpeq_epi32(kept, bit)));
}
inline Vec vec_keep_lanes(Vec v, uint16_t lanes) {
  return {keep_8(v.low, lanes), keep_8(v.high, lanes >> 8)};
}
// The largest lane of each of four.
inline void vec_max4(const Vec v[4], float out[4]) {
  __m256 m[4];
  for (int i = 0; i < 4; ++i) m[i] = _mm256_max_ps(v[i].low, v[i].high);
  const __m256 a = _mm256_max_ps(_mm256_unpacklo_ps(m[0], m[1]), _mm256_unpackhi_ps(m[0], m[1]));
  const __m256 b = _mm256_max_ps(_mm256_unpacklo_ps(m[2], m[3]), _mm256_unpackhi_ps(m[2], m[3]));
  const __m256 c = _mm256_max_ps(_mm256_shuffle_ps(a, b, 0x44), _mm256_shuffle_ps(a, b, 0xee));
  _mm_storeu_ps(out, _mm_max_ps(_mm256_castps256_ps128(c), _mm256_extractf128_ps(c, 1)));
}
// Rounded to the nearest whole number, ties to even, plus 128; |v| <= 127.
inline void vec_store_bytes(uint8_t* p, Vec v) {
  const __m256i words = _mm256_permute4x64_epi64(
      _mm256_packs_epi32(_mm256_cvtps_epi32(v.low), _mm256_cvtps_epi32(v.high)), 0xd8);
  const __m128i bytes =
      _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm_add_epi8(bytes, _mm_set1_epi8(-128)));
}

inline float vec_sum(Vec v) {
  const __m128 b = fold_to_4(v);
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline float vec_max_lane(Vec v) {
  const __m256 a = _mm256_max_ps(v.low, v.high);
  const __m128 b = _mm_max_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_max_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_max_ss(c, _mm_movehdup_ps(c)));
}

}  // namespace
}  // namespace hearth::cpu

#include "backend/cpu/kernels/scale_pow2.h"
