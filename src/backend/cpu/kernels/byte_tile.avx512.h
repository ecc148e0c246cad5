// SPDX-License-Identifier: MIT
// The innermost loop of dot_bytes.h in registers of 512 bits, and what it needs beside
// words.avx512.h.
#pragma once
#include "backend/cpu/kernels/byte_panel.h"
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/words.avx512.h"

namespace hearth::cpu {
namespace {

// 12 sums, 12 parts (floats), 2 panels and one activation stay in 32 registers.
constexpr int kByteTokens = 6;
constexpr int kBytePair = 2;

inline Ints ints_set(int value) { return _mm512_set1_epi32(value); }
inline Ints ints_load(const void* p) { return _mm512_load_si512(p); }
inline void ints_store(void* p, Ints a) { _mm512_store_si512(p, a); }
inline Ints ints_minus_128(Ints a) {
  return _mm512_sub_epi32(_mm512_setzero_si512(), _mm512_slli_epi32(a, 7));
}
template <bool kWide>
inline Ints ints_dot_quads(Ints acc, Ints x, Ints w) {
  return dot_quads<kWide>(acc, x, w);
}

// sums[p][t] += quads [from, from + kSteps) of panel p times the same of token t.
template <bool kWide, int kSteps, int P>
struct ByteLoop {
  HEARTH_INLINE static void run(const BytePanel* panels, int from, const ByteBlock* acts,
                                Ints sums[P][kByteTokens]) {
#pragma GCC unroll 2
    for (int k = from; k < from + kSteps; ++k) {
      Ints w[P];
      for (int p = 0; p < P; ++p) w[p] = ints_load(panels[p].w[k]);
#pragma GCC unroll 6
      for (int t = 0; t < kByteTokens; ++t) {
        int quad;
        __builtin_memcpy(&quad, acts[t].x + 4 * k, 4);
        for (int p = 0; p < P; ++p) {
          sums[p][t] = ints_dot_quads<kWide>(sums[p][t], ints_set(quad), w[p]);
        }
      }
    }
  }
};

}  // namespace
}  // namespace hearth::cpu
