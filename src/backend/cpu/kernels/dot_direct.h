// SPDX-License-Identifier: MIT
// Products of weights in super-blocks with a few tokens (decode), written once over Words and
// digits.<isa>.h: limited by the machine's read bandwidth. Four rows from four distant segments go
// together: a core keeps more misses in flight over several streams than over one (docs/design: 15
// % at four streams), and the sums of four rows are added over their lanes side by side. The next
// bytes are fetched 1 KiB ahead. In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/four_rows.h"

namespace hearth::cpu {
namespace {

// T tokens' blocks of activations.
template <int T>
struct Acts {
  const ActBlock* block[T];  // moves along the columns
};

// Tokens from the first on; where fewer are left, the last stands in for the others.
template <int T>
inline Acts<T> act_rows(const MatmulTile& tile) {
  Acts<T> acts;
  for (int t = 0; t < T; ++t) {
    const int token = t < tile.n_tokens ? t : tile.n_tokens - 1;
    acts.block[t] = reinterpret_cast<const ActBlock*>(tile.acts + token * tile.act_bytes);
  }
  return acts;
}

template <int T>
HEARTH_INLINE inline void store_all(const MatmulTile& tile, const FourRows& rows,
                                    const __m128 sums[T]) {
  for (int t = 0; t < T && t < tile.n_tokens; ++t) store_rows(tile, rows, t, sums[t]);
}

// The scale d and, where a format has minima, their scale and sums: of four rows.
template <class Format>
struct Outer {
  explicit Outer(const FourRows& rows) : rows_(rows) {}
  __m128 d() const { return halves_of(rows_, Format::kD); }
  __m128 dmin() const { return halves_of(rows_, Format::kDmin); }
  // Each row's sums lie in 8 lanes.
  __m128i min_sums(const ActBlock& act) const {
    __m256i sums[4];
    for (int r = 0; r < 4; ++r) {
      const __m256i a = Format::template min_pairs<0>(rows_.block[r]);
      const __m256i b = Format::template min_pairs<1>(rows_.block[r]);
      sums[r] = _mm256_add_epi32(_mm256_madd_epi16(a, load_pairs(act.sum16)),
                                 _mm256_madd_epi16(b, load_pairs(act.sum16 + 8)));
    }
    const __m256i all =
        _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
    return _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1));
  }

 private:
  const FourRows& rows_;
};
struct KOuter {
  explicit KOuter(const FourRows& rows) : heads_(rows) {}
  __m128 d() const { return heads_.d(); }
  __m128 dmin() const { return heads_.dmin(); }
  __m128i min_sums(const ActBlock& act) const { return heads_.min_sums(act.sum32); }

 private:
  KHeads heads_;
};
template <>
struct Outer<Q4K> : KOuter {
  using KOuter::KOuter;
};
template <>
struct Outer<Q5K> : KOuter {
  using KOuter::KOuter;
};

// The integer sums of one block: four rows by T tokens. Weights are unpacked once for all tokens.
template <class Format, int T>
HEARTH_INLINE inline void super_sums(const FourRows& rows, const Acts<T>& acts, Ints out[T][4]) {
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    Ints sums[T];
    for (int t = 0; t < T; ++t) sums[t] = ints_zero();
    Format::visit(rows.block[r], [&](int a, int b, Words w) HEARTH_INLINE {
      for (int t = 0; t < T; ++t) {
        const int16_t* x = acts.block[t]->x;
        sums[t] = ints_dot(sums[t], w, words_load_two(x + a, x + b));
      }
    });
    for (int t = 0; t < T; ++t) out[t][r] = sums[t];
  }
}

template <class Format, int T>
inline void super_direct(const MatmulTile& tile, int first, int step, int n) {
  FourRows rows = four_rows(tile, first, step, n);
  __m128 totals[T];
  for (int t = 0; t < T; ++t) totals[t] = _mm_setzero_ps();
  Acts<T> acts = act_rows<T>(tile);
  const int n_blocks = tile.n_cols / 256;
  for (int b = 0; b < n_blocks; ++b) {
    for (int r = 0; r < 4; ++r) prefetch(rows.block[r], Format::kBytes);
    Ints sums[T][4];
    super_sums<Format, T>(rows, acts, sums);
    const Outer<Format> outer(rows);
    const __m128 d = outer.d();
    for (int t = 0; t < T; ++t) {
      const ActBlock& act = *acts.block[t];
      __m128 value =
          _mm_mul_ps(d, Format::kSums == 1 ? ints_sum4_narrow(sums[t]) : ints_sum4_wide(sums[t]));
      if constexpr (Format::kMinGroup != 0) {
        const __m128 mins = _mm_cvtepi32_ps(outer.min_sums(act));
        value = _mm_sub_ps(value, _mm_mul_ps(outer.dmin(), mins));
      }
      totals[t] = _mm_add_ps(totals[t], _mm_mul_ps(value, _mm_set1_ps(act.scale)));
      ++acts.block[t];
    }
    for (int r = 0; r < 4; ++r) rows.block[r] += Format::kBytes;
  }
  store_all<T>(tile, rows, totals);
}

// kernel(first, step, n): what to do with four rows, of which n exist. They go as numbers and not
// as FourRows: a struct that is stored by fields and loaded by halves stalls until all stores
// before it are done, and so keeps the core from beginning a row while it ends another.
template <class Kernel>
inline void for_four_rows(const MatmulTile& tile, const Kernel& kernel) {
  const int segment = tile.n_rows / 4, rest = tile.n_rows % 4;
  for (int i = 0; i < segment; ++i) kernel(i, segment, 4);
  if (rest != 0) kernel(4 * segment, 1, rest);
}

}  // namespace
}  // namespace hearth::cpu
