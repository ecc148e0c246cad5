// SPDX-License-Identifier: MIT
// Ints as 16 lanes with one dword of each of 16 rows, for what is unpacked after it was transposed
// (packed_rows.h). lanes.avx512.h has the same names and meaning.
#pragma once
#include "backend/cpu/kernels/lane_order.h"
#include "backend/cpu/kernels/words.avx2.h"

namespace hearth::cpu {
namespace {

inline Ints ints_set(int value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }
// Lane i from lane(i). By insertions: a register read back from stores waits for all of them.
template <class Lane>
inline Ints ints_from(const Lane& lane) {
  const auto eight = [&](int i) {
    return _mm256_setr_epi32(lane(i), lane(i + 1), lane(i + 2), lane(i + 3), lane(i + 4),
                             lane(i + 5), lane(i + 6), lane(i + 7));
  };
  return {eight(0), eight(8)};
}
inline Ints ints_load(const void* p) {
  const auto* parts = static_cast<const __m256i*>(p);
  return {_mm256_load_si256(parts), _mm256_load_si256(parts + 1)};
}
inline void ints_store(void* p, Ints a) {
  auto* parts = static_cast<__m256i*>(p);
  _mm256_store_si256(parts, a.low);
  _mm256_store_si256(parts + 1, a.high);
}
inline Ints ints_sub(Ints a, Ints b) {
  return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
}
inline Ints ints_and(Ints a, Ints b) {
  return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
}
inline Ints ints_or(Ints a, Ints b) {
  return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
}
// (a & mask) | b
inline Ints ints_and_or(Ints a, Ints mask, Ints b) { return ints_or(ints_and(a, mask), b); }
template <int kBits>
inline Ints ints_left(Ints a) {
  return {_mm256_slli_epi32(a.low, kBits), _mm256_slli_epi32(a.high, kBits)};
}
template <int kBits>
inline Ints ints_right(Ints a) {
  return {_mm256_srli_epi32(a.low, kBits), _mm256_srli_epi32(a.high, kBits)};
}
// Byte kByte of each lane, signed.
template <int kByte>
inline Ints signed_byte(Ints a) {
  const auto eight = [](__m256i lanes) {
    return _mm256_srai_epi32(_mm256_slli_epi32(lanes, 24 - 8 * kByte), 24);
  };
  return {eight(a.low), eight(a.high)};
}
inline Ints bytes_sub(Ints a, Ints b) {
  return {_mm256_sub_epi8(a.low, b.low), _mm256_sub_epi8(a.high, b.high)};
}
// The low 16 bits of each lane, a binary16.
inline Vec vec_of_low_halves(Ints a) {
  const auto eight = [](__m256i lanes) {
    const __m256i low = _mm256_and_si256(lanes, _mm256_set1_epi32(0xffff));
    // The pack works on halves of registers.
    const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(low, low), 0xd8);
    return _mm256_cvtph_ps(_mm256_castsi256_si128(packed));
  };
  return {eight(a.low), eight(a.high)};
}
// Bytes kFirst and kFirst + 1 of each lane as its words, unsigned; then signed.
template <int kFirst>
inline Words words_of_bytes(Ints a) {
  const __m256i spread = _mm256_broadcastsi128_si256(words_from_bytes_order<kFirst, 0>());
  return {_mm256_shuffle_epi8(a.low, spread), _mm256_shuffle_epi8(a.high, spread)};
}
template <int kFirst>
inline Words words_of_signed_bytes(Ints a) {
  const __m256i spread = _mm256_broadcastsi128_si256(words_from_bytes_order<kFirst, 1>());
  return {_mm256_srai_epi16(_mm256_shuffle_epi8(a.low, spread), 8),
          _mm256_srai_epi16(_mm256_shuffle_epi8(a.high, spread), 8)};
}
// The low word of each lane, twice.
inline Words words_of_low(Ints a) { return {twice_16(a.low), twice_16(a.high)}; }
inline void words_store_row(uint32_t* p, Words w) { ints_store(p, {w.low, w.high}); }

}  // namespace
}  // namespace hearth::cpu
