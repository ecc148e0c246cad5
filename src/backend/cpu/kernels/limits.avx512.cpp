// SPDX-License-Identifier: MIT
// The limits loops with AVX-512.
#include <immintrin.h>

#include "backend/cpu/kernels/limits.h"

namespace hearth::cpu {
namespace {

uint64_t read(const uint8_t* data, int64_t n_bytes) {
  const int64_t segment = n_bytes / kReadUnit * kReadStep;
  __m512i sums[4];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  for (int64_t at = 0; at < segment; at += kReadStep) {
    for (int stream = 0; stream < kReadStreams; ++stream) {
      const uint8_t* p = data + stream * segment + at;
      for (int i = 0; i < kReadStep; i += 64) {
        __builtin_prefetch(p + kReadAhead + i);
        sums[i / 64] = _mm512_xor_si512(sums[i / 64], _mm512_loadu_si512(p + i));
      }
    }
  }
  alignas(64) uint64_t lanes[8];
  _mm512_store_si512(lanes, _mm512_xor_si512(_mm512_xor_si512(sums[0], sums[1]),
                                             _mm512_xor_si512(sums[2], sums[3])));
  uint64_t all = 0;
  for (const uint64_t lane : lanes) all ^= lane;
  return all;
}

// 64 multiply-adds take three instructions, as with AVX2.
int64_t int8_macs(int64_t n_rounds) {
  constexpr int kSums = 6;
#define HEARTH_STEP(sum, pairs)                     \
  "vpmaddubsw %%zmm30, %%zmm31, %%zmm" #pairs       \
  "\n\t"                                            \
  "vpmaddwd %%zmm29, %%zmm" #pairs ", %%zmm" #pairs \
  "\n\t"                                            \
  "vpaddd %%zmm" #pairs ", %%zmm" #sum ", %%zmm" #sum "\n\t"
  for (int64_t round = 0; round < n_rounds; ++round) {
    asm volatile(HEARTH_STEP(0, 6) HEARTH_STEP(1, 7) HEARTH_STEP(2, 8) HEARTH_STEP(3, 9)
                     HEARTH_STEP(4, 10) HEARTH_STEP(5, 11)
                 :
                 :
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                   "xmm10", "xmm11");
  }
#undef HEARTH_STEP
  return n_rounds * kSums * 64;
}

}  // namespace

void add_limits_avx512(LimitsTable& table) {
  table.read = read;
  table.int8_macs = int8_macs;
}

}  // namespace hearth::cpu
