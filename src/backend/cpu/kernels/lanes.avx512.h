// SPDX-License-Identifier: MIT
// Ints as 16 lanes with one dword of each of 16 rows: see lanes.avx2.h.
#pragma once
#include "backend/cpu/kernels/lane_order.h"
#include "backend/cpu/kernels/words.avx512.h"

namespace hearth::cpu {
namespace {

inline Ints ints_set(int value) { return _mm512_set1_epi32(value); }
// Lane i from lane(i). By insertions: a register read back from stores waits for all of them.
template <class Lane>
inline Ints ints_from(const Lane& lane) {
  return _mm512_setr_epi32(lane(0), lane(1), lane(2), lane(3), lane(4), lane(5), lane(6), lane(7),
                           lane(8), lane(9), lane(10), lane(11), lane(12), lane(13), lane(14),
                           lane(15));
}
inline Ints ints_load(const void* p) { return _mm512_load_si512(p); }
inline void ints_store(void* p, Ints a) { _mm512_store_si512(p, a); }
inline Ints ints_sub(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
inline Ints ints_and(Ints a, Ints b) { return _mm512_and_si512(a, b); }
inline Ints ints_or(Ints a, Ints b) { return _mm512_or_si512(a, b); }
// (a & mask) | b
inline Ints ints_and_or(Ints a, Ints mask, Ints b) {
  return _mm512_ternarylogic_epi32(a, mask, b, 0xea);
}
template <int kBits>
inline Ints ints_left(Ints a) {
  return _mm512_slli_epi32(a, kBits);
}
template <int kBits>
inline Ints ints_right(Ints a) {
  return _mm512_srli_epi32(a, kBits);
}
// Byte kByte of each lane, signed.
template <int kByte>
inline Ints signed_byte(Ints a) {
  return _mm512_srai_epi32(_mm512_slli_epi32(a, 24 - 8 * kByte), 24);
}
inline Ints bytes_sub(Ints a, Ints b) { return _mm512_sub_epi8(a, b); }
// The low 16 bits of each lane, a binary16.
inline Vec vec_of_low_halves(Ints a) { return _mm512_cvtph_ps(_mm512_cvtepi32_epi16(a)); }
template <int kFirst>
inline Words words_of_bytes(Ints a) {
  return _mm512_shuffle_epi8(a, _mm512_broadcast_i32x4(words_from_bytes_order<kFirst, 0>()));
}
template <int kFirst>
inline Words words_of_signed_bytes(Ints a) {
  const __m512i spread = _mm512_broadcast_i32x4(words_from_bytes_order<kFirst, 1>());
  return _mm512_srai_epi16(_mm512_shuffle_epi8(a, spread), 8);
}
inline Words words_of_low(Ints a) { return twice_16(a); }
inline void words_store_row(uint32_t* p, Words w) { ints_store(p, w); }

}  // namespace
}  // namespace hearth::cpu
