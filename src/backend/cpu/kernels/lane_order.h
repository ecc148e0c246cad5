// SPDX-License-Identifier: MIT
// Shuffles of the bytes within each dword, for lanes.<isa>.h.
#pragma once
#include <immintrin.h>

namespace hearth::cpu {
namespace {

// Bytes kFirst and kFirst + 1 of each dword to bytes kTo and kTo + 2; 0 elsewhere.
template <int kFirst, int kTo>
inline __m128i words_from_bytes_order() {
  constexpr int kZero = 0x80;
  constexpr auto dword = [](int i) {
    const int first = 4 * i + kFirst;
    return kTo == 0 ? first | kZero << 8 | (first + 1) << 16 | static_cast<int>(0x80000000u)
                    : kZero | first << 8 | kZero << 16 | (first + 1) << 24;
  };
  return _mm_setr_epi32(dword(0), dword(1), dword(2), dword(3));
}

}  // namespace
}  // namespace hearth::cpu
