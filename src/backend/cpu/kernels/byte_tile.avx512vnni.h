// SPDX-License-Identifier: MIT
// The innermost loop of dot_bytes.h for two panels and six tokens in assembly: g++ 12 moves half of
// the 12 sums to other registers and back in each turn of the loop that it is given in
// byte_loop.h (bench_kernels, bytes/q4_k/512: 1.2 times as fast; tests compare the bits).
#pragma once
#include "backend/cpu/kernels/byte_tile.avx512.h"
// The tile first, then the loop over it.
#include "backend/cpu/kernels/byte_loop.h"

namespace hearth::cpu {
namespace {

static_assert(sizeof(ByteBlock) == 448 && sizeof(BytePanel) == 23808 && kByteTokens == 6);

// Quad k of token t (blocks of tokens lie 448 bytes apart) to all lanes of zmm31, then its products
// with the two panels' rows in zmm29 and zmm30 onto sums a and b.
#define HEARTH_BYTE_TOKEN(k, t, a, b) \
  "vpbroadcastd 4*" #k "+448*" #t     \
  "(%[x]), %%zmm31\n"                 \
  "vpdpbusd %%zmm29, %%zmm31, %[" #a  \
  "]\n"                               \
  "vpdpbusd %%zmm30, %%zmm31, %[" #b "]\n"
// Quad k of both panels (64 bytes a quad, 23808 a panel) and of all tokens.
#define HEARTH_BYTE_STEP(k)                                                    \
  "vmovdqa64 64*" #k                                                           \
  "(%[w]), %%zmm29\n"                                                          \
  "vmovdqa64 64*" #k "+23808(%[w]), %%zmm30\n" HEARTH_BYTE_TOKEN(k, 0, a0, b0) \
      HEARTH_BYTE_TOKEN(k, 1, a1, b1) HEARTH_BYTE_TOKEN(k, 2, a2, b2)          \
          HEARTH_BYTE_TOKEN(k, 3, a3, b3) HEARTH_BYTE_TOKEN(k, 4, a4, b4)      \
              HEARTH_BYTE_TOKEN(k, 5, a5, b5)

// Four quads; see ByteLoop in byte_loop.h.
HEARTH_INLINE inline void four_quads(const int8_t* w, const uint8_t* x, Ints a[6], Ints b[6]) {
  asm(HEARTH_BYTE_STEP(0) HEARTH_BYTE_STEP(1) HEARTH_BYTE_STEP(2) HEARTH_BYTE_STEP(3)
      : [a0] "+v"(a[0]), [a1] "+v"(a[1]), [a2] "+v"(a[2]), [a3] "+v"(a[3]), [a4] "+v"(a[4]),
        [a5] "+v"(a[5]), [b0] "+v"(b[0]), [b1] "+v"(b[1]), [b2] "+v"(b[2]), [b3] "+v"(b[3]),
        [b4] "+v"(b[4]), [b5] "+v"(b[5])
      : [w] "r"(w), [x] "r"(x)
      : "xmm29", "xmm30", "xmm31", "memory");
}

#undef HEARTH_BYTE_STEP
#undef HEARTH_BYTE_TOKEN

template <class Format>
struct ByteLoop<Format, 6, 2> {
  HEARTH_INLINE static void run(const BytePanel* panels, int g, const ByteBlock* acts,
                                Ints sums[2][kByteTokens]) {
    constexpr int kSteps = Format::kGroup / 4;
#pragma GCC unroll 2
    for (int k = kSteps * g; k < kSteps * (g + 1); k += 4) {
      four_quads(panels->w[k][0], acts->x + 4 * k, sums[0], sums[1]);
    }
  }
};

}  // namespace
}  // namespace hearth::cpu
