// SPDX-License-Identifier: MIT
// The limits loops with AVX2.
#include <immintrin.h>

#include "backend/cpu/kernels/limits.h"

namespace hearth::cpu {
namespace {

uint64_t read(const uint8_t* data, int64_t n_bytes) {
  const int64_t segment = n_bytes / kReadUnit * kReadStep;
  __m256i sums[4];
  for (__m256i& sum : sums) sum = _mm256_setzero_si256();
  for (int64_t at = 0; at < segment; at += kReadStep) {
    for (int stream = 0; stream < kReadStreams; ++stream) {
      const uint8_t* p = data + stream * segment + at;
      for (int i = 0; i < kReadStep; i += 64) __builtin_prefetch(p + kReadAhead + i);
      for (int i = 0; i < kReadStep; i += 32) {
        const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p + i));
        sums[i / 32 % 4] = _mm256_xor_si256(sums[i / 32 % 4], v);
      }
    }
  }
  const __m256i both =
      _mm256_xor_si256(_mm256_xor_si256(sums[0], sums[1]), _mm256_xor_si256(sums[2], sums[3]));
  const __m128i one =
      _mm_xor_si128(_mm256_castsi256_si128(both), _mm256_extracti128_si256(both, 1));
  return static_cast<uint64_t>(_mm_extract_epi64(one, 0) ^ _mm_extract_epi64(one, 1));
}

// 32 multiply-adds take three instructions: products in pairs to 16 bit, pairs to 32 bit, the sum.
int64_t int8_macs(int64_t n_rounds) {
  constexpr int kSums = 6;
#define HEARTH_STEP(sum, pairs)                     \
  "vpmaddubsw %%ymm14, %%ymm15, %%ymm" #pairs       \
  "\n\t"                                            \
  "vpmaddwd %%ymm13, %%ymm" #pairs ", %%ymm" #pairs \
  "\n\t"                                            \
  "vpaddd %%ymm" #pairs ", %%ymm" #sum ", %%ymm" #sum "\n\t"
  for (int64_t round = 0; round < n_rounds; ++round) {
    asm volatile(HEARTH_STEP(0, 6) HEARTH_STEP(1, 7) HEARTH_STEP(2, 8) HEARTH_STEP(3, 9)
                     HEARTH_STEP(4, 10) HEARTH_STEP(5, 11)
                 :
                 :
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                   "xmm10", "xmm11");
  }
#undef HEARTH_STEP
  return n_rounds * kSums * 32;
}

}  // namespace

void add_limits_avx2(LimitsTable& table) {
  table.read = read;
  table.int8_macs = int8_macs;
}

}  // namespace hearth::cpu
