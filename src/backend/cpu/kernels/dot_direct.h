// SPDX-License-Identifier: MIT
// Products of weights in super-blocks with one to four tokens (decode), written once over Words:
// limited by the machine's read bandwidth. Four rows from four distant segments go together: a core
// keeps more misses in flight over several streams than over one (docs/design: 15 % at four
// streams), and the sums of four rows are added over their lanes side by side. The next bytes are
// fetched 1 KiB ahead. In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/unpack.h"

namespace hearth::cpu {
namespace {

constexpr int kPrefetchBytes = 1024;

// Four rows of a tile; where fewer are left, the first stands in for the others.
struct FourRows {
  const uint8_t* block[4];  // moves along the rows
  int index[4];
  int n;
};

HEARTH_INLINE inline FourRows four_rows(const MatmulTile& tile, int first, int step, int n) {
  FourRows rows;
  rows.n = n;
  for (int r = 0; r < 4; ++r) {
    rows.index[r] = first + (r < n ? r * step : 0);
    rows.block[r] = tile.weights + rows.index[r] * tile.row_bytes;
  }
  return rows;
}

HEARTH_INLINE inline void prefetch(const uint8_t* p, int bytes) {
  for (int i = 0; i < bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + i), _MM_HINT_T0);
  }
}

HEARTH_INLINE inline void store_rows(const MatmulTile& tile, const FourRows& rows, int token,
                                     __m128 sums) {
  float lanes[4];
  _mm_storeu_ps(lanes, sums);
  for (int r = 0; r < rows.n; ++r) tile.out[token * tile.out_stride + rows.index[r]] = lanes[r];
}

HEARTH_INLINE inline __m128 halves_of(const FourRows& rows, int at) {
  const auto half = [&](int r) { return static_cast<int16_t>(load_u16(rows.block[r] + at)); };
  return _mm_cvtph_ps(_mm_setr_epi16(half(0), half(1), half(2), half(3), 0, 0, 0, 0));
}

inline __m256i load_pairs(const SumPair* p) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
}

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

// The sums of minima of four rows: each row's lie in 8 lanes.
template <class Format>
HEARTH_INLINE inline __m128 min_sums(const FourRows& rows, const ActBlock& act) {
  __m256i sums[4];
  for (int r = 0; r < 4; ++r) {
    const uint8_t* block = rows.block[r];
    if constexpr (Format::kMinGroup == 32) {
      sums[r] = _mm256_madd_epi16(Format::template min_pairs<0>(block), load_pairs(act.sum32));
    } else {
      const __m256i a = Format::template min_pairs<0>(block);
      const __m256i b = Format::template min_pairs<1>(block);
      sums[r] = _mm256_add_epi32(_mm256_madd_epi16(a, load_pairs(act.sum16)),
                                 _mm256_madd_epi16(b, load_pairs(act.sum16 + 8)));
    }
  }
  const __m256i all =
      _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  return _mm_cvtepi32_ps(
      _mm_add_epi32(_mm256_castsi256_si128(all), _mm256_extracti128_si256(all, 1)));
}

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
    const __m128 d = halves_of(rows, Format::kD);
    for (int t = 0; t < T; ++t) {
      const ActBlock& act = *acts.block[t];
      __m128 value =
          _mm_mul_ps(d, Format::kSums == 1 ? ints_sum4_narrow(sums[t]) : ints_sum4_wide(sums[t]));
      if constexpr (Format::kMinGroup != 0) {
        const __m128 dmin = halves_of(rows, Format::kDmin);
        value = _mm_sub_ps(value, _mm_mul_ps(dmin, min_sums<Format>(rows, act)));
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
