// SPDX-License-Identifier: MIT
// The innermost loop of dot_bytes.h without VNNI, written once over Ints (taken as 16-bit words):
// the products of pairs of bytes are added in 16 bits for as many quads as fit, before they are
// widened. Included after byte_tile.<isa>.h.
#pragma once
#include "backend/cpu/kernels/byte_panel.h"
#include "backend/cpu/kernels/inline.h"
#include "backend/cpu/kernels/table.h"

namespace hearth::cpu {
namespace {

// Whether the loop takes the activations' bytes as signed ones, 128 lower: of two bytes, one must
// be unsigned, and signed activations are half as large.
template <class Format>
constexpr bool kSignedActs = Format::kLow >= 0 || Format::kWide;

// Quads whose products fit 16 bits.
template <class Format>
constexpr int quads_in_words() {
  constexpr int kWeight = -Format::kLow > Format::kHigh ? -Format::kLow : Format::kHigh;
  constexpr int kPair = 2 * kWeight * (kSignedActs<Format> ? 127 : 255);
  int quads = Format::kGroup / 4;
  while (quads > 1 && quads * kPair > 32767) quads /= 2;
  return quads;
}

// sums[p][t] += the quads of group g of panel p times the same of token t.
template <class Format, int T, int P>
struct ByteLoop {
  HEARTH_INLINE static void run(const BytePanel* panels, int g, const ByteBlock* acts,
                                Ints sums[P][T]) {
    constexpr int kSteps = Format::kGroup / 4, kRun = quads_in_words<Format>();
    for (int from = kSteps * g; from < kSteps * (g + 1); from += kRun) {
      Ints words[P][T];
#pragma GCC unroll 8
      for (int k = from; k < from + kRun; ++k) add_quad(panels, k, acts, k == from, words);
      for (int p = 0; p < P; ++p) {
        for (int t = 0; t < T; ++t) {
          sums[p][t] = ints_add_pairs(sums[p][t], words[p][t]);
        }
      }
    }
  }

 private:
  HEARTH_INLINE static void add_quad(const BytePanel* panels, int k, const ByteBlock* acts,
                                     bool is_first, Ints words[P][T]) {
    Ints w[P], size[P];
    for (int p = 0; p < P; ++p) {
      w[p] = ints_load(panels[p].w[k]);
      if constexpr (Format::kWide) size[p] = bytes_abs(w[p]);
    }
#pragma GCC unroll 8
    for (int t = 0; t < T; ++t) {
      int quad;
      __builtin_memcpy(&quad, acts[t].x + 4 * k, 4);
      const Ints x = ints_set(quad);
      for (int p = 0; p < P; ++p) {
        Ints pairs;
        if constexpr (Format::kWide) {
          pairs = bytes_dot_pairs(size[p], bytes_with_sign(x, w[p]));
        } else {
          pairs = kSignedActs<Format> ? bytes_dot_pairs(w[p], x) : bytes_dot_pairs(x, w[p]);
        }
        words[p][t] = is_first ? pairs : words_sum(words[p][t], pairs);
      }
    }
  }
};

}  // namespace
}  // namespace hearth::cpu
