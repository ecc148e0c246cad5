// SPDX-License-Identifier: MIT
// The limits loops in portable C++.
#include "backend/cpu/kernels/limits.h"

namespace hearth::cpu {
namespace {

uint64_t read(const uint8_t* data, int64_t n_bytes) {
  const int64_t segment = n_bytes / kReadUnit * kReadStep;
  uint64_t sums[4] = {};
  for (int64_t at = 0; at < segment; at += kReadStep) {
    for (int stream = 0; stream < kReadStreams; ++stream) {
      const uint8_t* p = data + stream * segment + at;
      for (int i = 0; i < kReadStep; i += 64) __builtin_prefetch(p + kReadAhead + i);
      for (int i = 0; i < kReadStep; i += 32) {
        uint64_t words[4];
        __builtin_memcpy(words, p + i, sizeof(words));
        for (int lane = 0; lane < 4; ++lane) sums[lane] ^= words[lane];
      }
    }
  }
  return (sums[0] ^ sums[1]) ^ (sums[2] ^ sums[3]);
}

// Products of int8 values as 16-bit integers, which is what every x86-64 can do.
int64_t int8_macs(int64_t n_rounds) {
  constexpr int kSums = 4;
  constexpr int kTerms = 64;
  int16_t x[kSums][kTerms];
  int16_t w[kTerms];
  for (int i = 0; i < kTerms; ++i) {
    w[i] = static_cast<int16_t>(i - 32);
    for (int j = 0; j < kSums; ++j) x[j][i] = static_cast<int16_t>(3 * j + i);
  }
  int32_t kept = 0;
  for (int64_t round = 0; round < n_rounds; ++round) {
    asm volatile("" : : "r"(x), "r"(w) : "memory");  // the values may have changed: compute again
    for (int j = 0; j < kSums; ++j) {
      int32_t sum = 0;
      for (int i = 0; i < kTerms; ++i) sum += x[j][i] * w[i];
      kept ^= sum;
    }
  }
  asm volatile("" : : "r"(kept));
  return n_rounds * kSums * kTerms;
}

}  // namespace

void add_limits_base(LimitsTable& table) {
  table.read = read;
  table.int8_macs = int8_macs;
}

}  // namespace hearth::cpu
