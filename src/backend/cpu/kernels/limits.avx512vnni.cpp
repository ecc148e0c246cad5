// SPDX-License-Identifier: MIT
// The int8 loop with AVX-512 VNNI: 64 multiply-adds in one instruction.
#include "backend/cpu/kernels/limits.h"

namespace hearth::cpu {
namespace {

int64_t int8_macs(int64_t n_rounds) {
  constexpr int kSums = 12;
#define HEARTH_STEP(sum) "vpdpbusd %%zmm30, %%zmm31, %%zmm" #sum "\n\t"
  for (int64_t round = 0; round < n_rounds; ++round) {
    asm volatile(HEARTH_STEP(0) HEARTH_STEP(1) HEARTH_STEP(2) HEARTH_STEP(3) HEARTH_STEP(4)
                     HEARTH_STEP(5) HEARTH_STEP(6) HEARTH_STEP(7) HEARTH_STEP(8) HEARTH_STEP(9)
                         HEARTH_STEP(10) HEARTH_STEP(11)
                 :
                 :
                 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9",
                   "xmm10", "xmm11");
  }
#undef HEARTH_STEP
  return n_rounds * kSums * 64;
}

}  // namespace

void add_limits_avx512vnni(LimitsTable& table) { table.int8_macs = int8_macs; }

}  // namespace hearth::cpu
