// SPDX-License-Identifier: MIT
// The innermost loop of dot_bytes.h with products of quads, written once over Ints; included after
// byte_tile.<isa>.h.
#pragma once
#include "backend/cpu/kernels/byte_panel.h"
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// Whether the loop takes the activations' bytes as signed ones, 128 lower.
template <class Format>
constexpr bool kSignedActs = false;

// sums[p][t] += the quads of group g of panel p times the same of token t.
template <class Format, int T, int P>
struct ByteLoop {
  HEARTH_INLINE static void run(const BytePanel* panels, int g, const ByteBlock* acts,
                                Ints sums[P][T]) {
    constexpr int kSteps = Format::kGroup / 4;
#pragma GCC unroll 2
    for (int k = kSteps * g; k < kSteps * (g + 1); ++k) {
      Ints w[P];
      for (int p = 0; p < P; ++p) w[p] = ints_load(panels[p].w[k]);
#pragma GCC unroll 8
      for (int t = 0; t < T; ++t) {
        int quad;
        __builtin_memcpy(&quad, acts[t].x + 4 * k, 4);
        for (int p = 0; p < P; ++p) {
          sums[p][t] = ints_dot_quads<Format::kWide>(sums[p][t], ints_set(quad), w[p]);
        }
      }
    }
  }
};

}  // namespace
}  // namespace hearth::cpu
