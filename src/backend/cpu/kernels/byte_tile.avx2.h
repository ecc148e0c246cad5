// SPDX-License-Identifier: MIT
// The innermost loop of dot_bytes.h in registers of 256 bits, and what it needs beside
// words.avx2.h.
#pragma once
#include "backend/cpu/kernels/byte_panel.h"
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/words.avx2.h"

namespace hearth::cpu {
namespace {

// 8 registers of sums, 2 of weights, one activation.
constexpr int kByteTokens = 4;
constexpr int kBytePair = 1;

inline Ints ints_set(int value) { return {_mm256_set1_epi32(value), _mm256_set1_epi32(value)}; }
inline Ints ints_load(const void* p) {
  const auto* parts = static_cast<const __m256i*>(p);
  return {_mm256_load_si256(parts), _mm256_load_si256(parts + 1)};
}
inline void ints_store(void* p, Ints a) {
  auto* parts = static_cast<__m256i*>(p);
  _mm256_store_si256(parts, a.low);
  _mm256_store_si256(parts + 1, a.high);
}
inline Ints ints_minus_128(Ints a) {
  const __m256i zero = _mm256_setzero_si256();
  return {_mm256_sub_epi32(zero, _mm256_slli_epi32(a.low, 7)),
          _mm256_sub_epi32(zero, _mm256_slli_epi32(a.high, 7))};
}
template <bool kWide>
inline Ints ints_dot_quads(Ints acc, Ints x, Ints w) {
  return {dot_quads<kWide>(acc.low, x.low, w.low), dot_quads<kWide>(acc.high, x.high, w.high)};
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
#pragma GCC unroll 4
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
