// SPDX-License-Identifier: MIT
// What dot_bytes.h and byte_loop.h need beside lanes.avx512.h: sizes of the tile, and Ints in
// registers of 512 bits.
#pragma once
#include "backend/cpu/kernels/lanes.avx512.h"

namespace hearth::cpu {
namespace {

// 12 sums, 12 parts (floats), 2 panels and one activation stay in 32 registers.
constexpr int kByteTokens = 6;
constexpr int kBytePair = 2;
// And for a rest of so many tokens. (Without VNNI it would cost more in compiling than it is worth:
// few processors have AVX-512 without.)
#ifdef __AVX512VNNI__
constexpr int kByteRest = 2;
#else
constexpr int kByteRest = 0;
#endif
constexpr int kByteRestPanels = 4;

inline Ints ints_xor(Ints a, Ints b) { return _mm512_xor_si512(a, b); }
inline Ints ints_times_128(Ints a) { return _mm512_slli_epi32(a, 7); }
// The bits as floats.
inline Vec ints_as_vec(Ints a) { return _mm512_castsi512_ps(a); }
// What byte_words.h needs: Ints as words and bytes; see byte_tile.avx2.h.
inline Ints bytes_abs(Ints a) { return _mm512_abs_epi8(a); }
inline Ints bytes_with_sign(Ints x, Ints sign) {
  return _mm512_mask_sub_epi8(x, _mm512_movepi8_mask(sign), _mm512_setzero_si512(), x);
}
inline Ints bytes_dot_pairs(Ints a, Ints b) { return _mm512_maddubs_epi16(a, b); }
inline Ints words_sum(Ints a, Ints b) { return _mm512_add_epi16(a, b); }
inline Ints ints_add_pairs(Ints sum, Ints words) {
  return _mm512_add_epi32(sum, _mm512_madd_epi16(words, _mm512_set1_epi16(1)));
}
template <bool kWide>
inline Ints ints_dot_quads(Ints acc, Ints x, Ints w) {
  return dot_quads<kWide>(acc, x, w);
}

}  // namespace
}  // namespace hearth::cpu
