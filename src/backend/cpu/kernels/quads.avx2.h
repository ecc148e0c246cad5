// SPDX-License-Identifier: MIT
// Quads and pairs (see quads.avx512.h) in two registers each: groups 0 and 1, 2 and 3 of a quad;
// the first and the second row of a pair. Included after dot_pairs.<isa>.h.
#pragma once
#include "backend/cpu/kernels/lanes.avx2.h"
#include "backend/cpu/kernels/quad_blocks.h"

namespace hearth::cpu {
namespace {

constexpr int pair_group(int lane) { return lane % 4 * 2 + lane % 8 / 4; }
constexpr int pair_row(int lane) { return lane / 8; }

inline __m256i two_16_bytes(const uint8_t* a, const uint8_t* b) {
  return _mm256_inserti128_si256(_mm256_castsi128_si256(load_16_bytes(a)), load_16_bytes(b), 1);
}
template <int kStride, int kAt, class Blocks>
inline Words quad_bytes(const Blocks& blocks) {
  const auto at = [&](int i) { return block_at<kStride>(blocks, i) + kAt; };
  return {two_16_bytes(at(0), at(1)), two_16_bytes(at(2), at(3))};
}
inline Words quad_load(const int16_t* x) {
  const auto* parts = reinterpret_cast<const __m256i*>(x);
  return {_mm256_load_si256(parts), _mm256_load_si256(parts + 1)};
}

inline __m256i even_signed(__m256i bytes) {
  return _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
}
inline Words words_even_signed(Words bytes) {
  return {even_signed(bytes.low), even_signed(bytes.high)};
}
inline Words words_odd_signed(Words bytes) {
  return {_mm256_srai_epi16(bytes.low, 8), _mm256_srai_epi16(bytes.high, 8)};
}
inline Words bytes_table(Words bytes, const int8_t* table) {
  const __m256i values =
      _mm256_broadcastsi128_si256(load_16_bytes(reinterpret_cast<const uint8_t*>(table)));
  return {_mm256_shuffle_epi8(values, bytes.low), _mm256_shuffle_epi8(values, bytes.high)};
}

struct FifthBits {
  Words low, high;  // of weights 0 to 15, 16 to 31
};
template <int kStride, class Blocks>
inline FifthBits fifth_bits(const Blocks& blocks) {
  const auto two = [&](int i) {
    int a, b;
    __builtin_memcpy(&a, block_at<kStride>(blocks, i), 4);
    __builtin_memcpy(&b, block_at<kStride>(blocks, i + 1), 4);
    return _mm256_blend_epi32(_mm256_set1_epi32(a), _mm256_set1_epi32(b), 0xf0);
  };
  const __m256i x = two(0), y = two(2);
  const __m256i low = _mm256_set1_epi16(0x0100), high = _mm256_set1_epi16(0x0302);
  return {{_mm256_shuffle_epi8(x, low), _mm256_shuffle_epi8(y, low)},
          {_mm256_shuffle_epi8(x, high), _mm256_shuffle_epi8(y, high)}};
}
template <bool kOdd>
inline Words words_or_fifth(Words w, Words bits) {
  const __m256i even =
      _mm256_broadcastsi128_si256(_mm_setr_epi16(1, 4, 16, 64, 256, 1024, 4096, 16384));
  const __m256i lanes = kOdd ? _mm256_slli_epi16(even, 1) : even;
  const auto fifth = [&](__m256i word_bits) {
    const __m256i set = _mm256_cmpeq_epi16(_mm256_and_si256(word_bits, lanes), lanes);
    return _mm256_and_si256(set, _mm256_set1_epi16(16));
  };
  return {_mm256_or_si256(w.low, fifth(bits.low)), _mm256_or_si256(w.high, fifth(bits.high))};
}

// Eight halves of a row in the order of a pair, put together by scalar instructions: inserting them
// into a register would keep the one port busy that also unpacks and adds.
template <int kStride>
inline __m256 row_halves(const uint8_t* first) {
  const auto four = [&](int g) {
    const auto half = [&](int i) { return static_cast<uint64_t>(load_u16(first + i * kStride)); };
    return half(g) | half(g + 2) << 16 | half(g + 4) << 32 | half(g + 6) << 48;
  };
  return _mm256_cvtph_ps(
      _mm_set_epi64x(static_cast<int64_t>(four(1)), static_cast<int64_t>(four(0))));
}
template <int kStride, int kAt>
inline Vec pair_halves(const uint8_t* a, const uint8_t* b) {
  return {row_halves<kStride>(a + kAt), row_halves<kStride>(b + kAt)};
}
template <int kStride>
inline void pair_two_halves(const uint8_t* a, const uint8_t* b, Vec& first, Vec& second) {
  first = pair_halves<kStride, 0>(a, b);
  second = pair_halves<kStride, 2>(a, b);
}
template <int kStride>
inline __m256 row_exponents(const uint8_t* first) {
  uint64_t bytes = 0;
  for (int lane = 0; lane < 8; ++lane) {
    bytes |= static_cast<uint64_t>(first[pair_group(lane) * kStride]) << (8 * lane);
  }
  const __m256i e = _mm256_cvtepu8_epi32(_mm_cvtsi64_si128(static_cast<int64_t>(bytes)));
  const __m256i normal = _mm256_slli_epi32(_mm256_sub_epi32(e, _mm256_set1_epi32(1)), 23);
  const __m256i subnormal = _mm256_sllv_epi32(_mm256_set1_epi32(0x00200000), e);
  const __m256i is_small = _mm256_cmpgt_epi32(_mm256_set1_epi32(2), e);
  return _mm256_castsi256_ps(_mm256_blendv_epi8(normal, subnormal, is_small));
}
template <int kStride>
inline Vec pair_exponents(const uint8_t* a, const uint8_t* b) {
  return {row_exponents<kStride>(a), row_exponents<kStride>(b)};
}
inline Vec pair_masked(Vec v, const uint32_t* valid) {
  const auto* parts = reinterpret_cast<const __m256*>(valid);
  return {_mm256_and_ps(v.low, parts[0]), _mm256_and_ps(v.high, parts[1])};
}

inline __m256i row_sums(const Ints a[2]) {
  return add_quarters(a[0].low, a[0].high, a[1].low, a[1].high);
}
inline Ints pair_sums(const Ints a[2], const Ints b[2]) { return {row_sums(a), row_sums(b)}; }
// Quads of TwoRows, a[0] of rows 0 and 2, a[1] of rows 1 and 3: the sums of the first block of rows
// 0 to 3, then of the second.
inline __m256i two_block_sums(const Ints a[2]) {
  return add_quarters(a[0].low, a[1].low, a[0].high, a[1].high);
}

inline __m128 pair_tree(Vec ab, Vec cd) {
  // Groups 0 + 1, 2 + 3, 4 + 5, 6 + 7 of a row.
  const auto twos = [](__m256 row) {
    return _mm_add_ps(_mm256_castps256_ps128(row), _mm256_extractf128_ps(row, 1));
  };
  return _mm_hadd_ps(_mm_hadd_ps(twos(ab.low), twos(ab.high)),
                     _mm_hadd_ps(twos(cd.low), twos(cd.high)));
}

}  // namespace
}  // namespace hearth::cpu
