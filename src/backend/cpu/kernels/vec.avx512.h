// SPDX-License-Identifier: MIT
// Vec (see vec.base.h) as one 512-bit register.
#pragma once
#include <immintrin.h>

#include "backend/cpu/kernels/half.base.h"

namespace hearth::cpu {
namespace {

using Vec = __m512;

// 16 sums of the float products' tiles, 4 rows and the operands fit 32 registers.
constexpr int kTileQueries = 4;
constexpr int kTilePositions = 4;
// Most heads that share a row of attention's cache once it is brought to floats, and how many rows,
// or sixteens of a row's columns, so many of them take at a time.
constexpr int kSharedQueries = 6;
constexpr int shared_tile(int) { return 4; }
// The same of attention_panel.h: queries, and registers of positions.
constexpr int kPanelQueries = 2;
constexpr int kPanelVecs = 4;
constexpr int kStraightQueries = 6;
constexpr int kStraightVecs = 4;

inline Vec vec_set(float x) { return _mm512_set1_ps(x); }
inline Vec vec_set_f16(const uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_set1_epi16(static_cast<int16_t>(load_u16(p))));
}
inline Vec vec_zero() { return _mm512_setzero_ps(); }
inline __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1u << n) - 1); }

inline Vec vec_load(const float* p) { return _mm512_loadu_ps(p); }
inline void vec_store(float* p, Vec v) { _mm512_storeu_ps(p, v); }
inline Vec vec_load_n(const float* p, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), p); }
inline void vec_store_n(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, first_lanes(n), v); }

inline Vec vec_load_f16(const uint8_t* p) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline Vec vec_load_f16_n(const uint8_t* p, int n) {
  return _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}
inline __m256i f16_of(Vec v) {
  return _mm512_cvtps_ph(v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
inline void vec_store_f16(uint8_t* p, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), f16_of(v));
}
inline void vec_store_f16_n(uint8_t* p, Vec v, int n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n), f16_of(v));
}

inline Vec from_bf16(__m256i bits) {
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline Vec vec_load_bf16(const uint8_t* p) {
  return from_bf16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}
inline Vec vec_load_bf16_n(const uint8_t* p, int n) {
  return from_bf16(_mm256_maskz_loadu_epi16(first_lanes(n), p));
}
inline __m256i bf16_of(Vec v) {
  const __m512i bits = _mm512_castps_si512(v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(bits, 16), _mm512_set1_epi32(1));
  const __m512i rounded = _mm512_add_epi32(_mm512_add_epi32(bits, _mm512_set1_epi32(0x7fff)), odd);
  const __mmask16 is_nan = _mm512_cmp_ps_mask(v, v, _CMP_UNORD_Q);
  const __m512i quiet = _mm512_or_si512(bits, _mm512_set1_epi32(0x400000));
  return _mm512_cvtepi32_epi16(
      _mm512_srli_epi32(_mm512_mask_mov_epi32(rounded, is_nan, quiet), 16));
}
inline void vec_store_bf16(uint8_t* p, Vec v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), bf16_of(v));
}
inline void vec_store_bf16_n(uint8_t* p, Vec v, int n) {
  _mm256_mask_storeu_epi16(p, first_lanes(n), bf16_of(v));
}

inline __m128i load_16_bytes(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline Vec vec_load_i8(const uint8_t* p) {
  return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(load_16_bytes(p)));
}
inline Vec vec_load_nibbles(const uint8_t* p, bool high) {
  const __m512i bytes = _mm512_cvtepu8_epi32(load_16_bytes(p));
  return _mm512_cvtepi32_ps(high ? _mm512_srli_epi32(bytes, 4)
                                 : _mm512_and_si512(bytes, _mm512_set1_epi32(15)));
}
inline Vec vec_bits(uint16_t bits) { return _mm512_maskz_mov_ps(bits, _mm512_set1_ps(1.0f)); }

inline Vec vec_add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
inline Vec vec_sub(Vec a, Vec b) { return _mm512_sub_ps(a, b); }
inline Vec vec_mul(Vec a, Vec b) { return _mm512_mul_ps(a, b); }
inline Vec vec_div(Vec a, Vec b) { return _mm512_div_ps(a, b); }
inline Vec vec_fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
inline Vec vec_min(Vec a, Vec b) { return _mm512_min_ps(a, b); }
inline Vec vec_max(Vec a, Vec b) { return _mm512_max_ps(a, b); }
inline Vec vec_select_less(Vec a, Vec b, Vec x, Vec y) {
  return _mm512_mask_mov_ps(y, _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), x);
}
inline Vec vec_abs(Vec a) { return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a); }
inline Vec vec_copy_sign(Vec magnitude, Vec sign) {
  const Vec bit = _mm512_set1_ps(-0.0f);
  return _mm512_or_ps(_mm512_andnot_ps(bit, magnitude), _mm512_and_ps(bit, sign));
}
// x * 2^n, rounded once, for whole n.
inline Vec vec_scale_pow2(Vec x, Vec n) { return _mm512_scalef_ps(x, n); }

// Bit i: lane i of both is equal.
inline uint32_t vec_equal_lanes(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ); }
inline Vec vec_keep_lanes(Vec v, uint16_t lanes) { return _mm512_maskz_mov_ps(lanes, v); }
// The largest lane of each of four.
inline void vec_max4(const Vec v[4], float out[4]) {
  const Vec a =
      _mm512_max_ps(_mm512_shuffle_f32x4(v[0], v[1], 0x44), _mm512_shuffle_f32x4(v[0], v[1], 0xee));
  const Vec b =
      _mm512_max_ps(_mm512_shuffle_f32x4(v[2], v[3], 0x44), _mm512_shuffle_f32x4(v[2], v[3], 0xee));
  const Vec c = _mm512_max_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
  const Vec d = _mm512_max_ps(c, _mm512_permute_ps(c, 0x4e));
  const Vec e = _mm512_max_ps(d, _mm512_permute_ps(d, 0xb1));
  _mm_storeu_ps(out, _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, e)));
}
// Rounded to the nearest whole number, ties to even, plus 128; |v| <= 127.
inline void vec_store_bytes(uint8_t* p, Vec v) {
  const __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(v), _mm512_set1_epi32(128));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtepi32_epi8(whole));
}

inline float vec_sum(Vec v) {
  const __m256 a = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, 1));
  const __m128 b = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 c = _mm_add_ps(b, _mm_movehl_ps(b, b));
  return _mm_cvtss_f32(_mm_add_ss(c, _mm_movehdup_ps(c)));
}
inline Vec halves_added(Vec a, Vec b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x44), _mm512_shuffle_f32x4(a, b, 0xee));
}
inline Vec quarters_added(Vec a, Vec b) {
  return _mm512_add_ps(_mm512_shuffle_f32x4(a, b, 0x88), _mm512_shuffle_f32x4(a, b, 0xdd));
}
// scale times each of four or eight sums, in the tree of vec_sum: halves, quarters, pairs and ones
// are added side by side. For attention's tiles of four positions, which no other column has.
inline void vec_sum4(const Vec v[4], float scale, float out[4]) {
  const Vec c = quarters_added(halves_added(v[0], v[1]), halves_added(v[2], v[3]));
  const Vec d = _mm512_add_ps(c, _mm512_permute_ps(c, 0x4e));
  const Vec e = _mm512_add_ps(d, _mm512_permute_ps(d, 0xb1));
  const __m128 sums = _mm512_castps512_ps128(_mm512_maskz_compress_ps(0x1111, e));
  _mm_storeu_ps(out, _mm_mul_ps(_mm_set1_ps(scale), sums));
}
inline void vec_sum8(const Vec v[8], float scale, float out_0[4], float out_4[4]) {
  const Vec a = quarters_added(halves_added(v[0], v[1]), halves_added(v[2], v[3]));
  const Vec b = quarters_added(halves_added(v[4], v[5]), halves_added(v[6], v[7]));
  const Vec c = _mm512_add_ps(_mm512_shuffle_ps(a, b, 0x44), _mm512_shuffle_ps(a, b, 0xee));
  const Vec d = _mm512_add_ps(c, _mm512_permute_ps(c, 0xb1));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 2, 6, 10, 14, 0, 4, 8, 12, 2, 6, 10, 14);
  const __m256 sums = _mm512_castps512_ps256(_mm512_permutexvar_ps(order, d));
  const __m256 scaled = _mm256_mul_ps(_mm256_set1_ps(scale), sums);
  _mm_storeu_ps(out_0, _mm256_castps256_ps128(scaled));
  _mm_storeu_ps(out_4, _mm256_extractf128_ps(scaled, 1));
}
inline float vec_max_lane(Vec v) { return _mm512_reduce_max_ps(v); }

}  // namespace
}  // namespace hearth::cpu
