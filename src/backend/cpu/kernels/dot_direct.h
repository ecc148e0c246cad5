// SPDX-License-Identifier: MIT
// Products of quantized weights with one to three tokens (decode), written once over Words: limited
// by the machine's read bandwidth. Four rows from four distant segments go together: a core keeps
// more misses in flight over several streams than over one (docs/design: 15 % at four streams), and
// the sums of four rows are added over their lanes side by side. The next bytes are fetched 1 KiB
// ahead. In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/unpack.h"

namespace hearth::cpu {
namespace {

constexpr int kDirectTokens = 3;
constexpr int kPrefetchBytes = 1024;

// Four rows of a tile; where fewer are left, the first stands in for the others.
struct FourRows {
  const uint8_t* block[4];  // moves along the rows
  int index[4];
  int n;
};

inline FourRows four_rows(const MatmulTile& tile, int first, int step, int n) {
  FourRows rows;
  rows.n = n;
  for (int r = 0; r < 4; ++r) {
    rows.index[r] = first + (r < n ? r * step : 0);
    rows.block[r] = tile.weights + rows.index[r] * tile.row_bytes;
  }
  return rows;
}

inline const ActBlock* act_row(const MatmulTile& tile, int token) {
  return reinterpret_cast<const ActBlock*>(tile.acts + token * tile.act_bytes);
}

inline void prefetch(const uint8_t* p, int bytes) {
  for (int i = 0; i < bytes; i += 64) {
    _mm_prefetch(reinterpret_cast<const char*>(p + kPrefetchBytes + i), _MM_HINT_T0);
  }
}

inline void store_rows(const MatmulTile& tile, const FourRows& rows, int token, __m128 sums) {
  float lanes[4];
  _mm_storeu_ps(lanes, sums);
  for (int r = 0; r < rows.n; ++r) tile.out[token * tile.out_stride + rows.index[r]] = lanes[r];
}

inline __m128 halves_of(const FourRows& rows, int at) {
  const auto half = [&](int r) { return static_cast<int16_t>(load_u16(rows.block[r] + at)); };
  return _mm_cvtph_ps(_mm_setr_epi16(half(0), half(1), half(2), half(3), 0, 0, 0, 0));
}

inline __m256i load_pairs(const SumPair* p) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
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

template <class Format>
HEARTH_INLINE inline __m128 super_products(const FourRows& rows, const ActBlock& act) {
  Ints sums[4];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    Ints sum = ints_zero();
    Format::visit(rows.block[r], [&](int a, int b, Words w) HEARTH_INLINE {
      sum = ints_dot(sum, w, words_load_two(act.x + a, act.x + b));
    });
    sums[r] = sum;
  }
  if constexpr (Format::kSums == 1) {
    return ints_sum4_narrow(sums);
  } else {
    return ints_sum4_wide(sums);
  }
}

template <class Format, int T>
inline void super_direct(const MatmulTile& tile, FourRows rows) {
  __m128 sums[T];
  for (int t = 0; t < T; ++t) sums[t] = _mm_setzero_ps();
  const int n_blocks = tile.n_cols / 256;
  for (int b = 0; b < n_blocks; ++b) {
    for (int r = 0; r < 4; ++r) prefetch(rows.block[r], Format::kBytes);
    const __m128 d = halves_of(rows, Format::kD);
    for (int t = 0; t < T; ++t) {
      const ActBlock& act = act_row(tile, t)[b];
      __m128 value = _mm_mul_ps(d, super_products<Format>(rows, act));
      if constexpr (Format::kMinGroup != 0) {
        const __m128 dmin = halves_of(rows, Format::kDmin);
        value = _mm_sub_ps(value, _mm_mul_ps(dmin, min_sums<Format>(rows, act)));
      }
      sums[t] = _mm_add_ps(sums[t], _mm_mul_ps(value, _mm_set1_ps(act.scale)));
    }
    for (int r = 0; r < 4; ++r) rows.block[r] += Format::kBytes;
  }
  for (int t = 0; t < T; ++t) store_rows(tile, rows, t, sums[t]);
}

// The products of 8 groups of one row, before they are added.
template <class Format>
HEARTH_INLINE inline __m256 group_products(const uint8_t* blocks, const ActBlock& act) {
  Ints sums[4];
#pragma GCC unroll 4
  for (int pair = 0; pair < 4; ++pair) {
    const uint8_t* first = blocks + 2 * pair * Format::kBytes;
    const int16_t* x = act.x + 64 * pair;
    Ints sum = ints_zero();
    Format::visit(first, first + Format::kBytes, [&](int a, int b, Words w) HEARTH_INLINE {
      sum = ints_dot(sum, w, words_load_two(x + a, x + b));
    });
    sums[pair] = sum;
  }
  const __m256 d = group_scales<Format>(blocks, 0);
  __m256 products = _mm256_mul_ps(d, _mm256_cvtepi32_ps(ints_sum8(sums)));
  if constexpr (Format::kHasMin) {
    const __m256i x_sums = _mm256_madd_epi16(load_pairs(act.sum32), _mm256_set1_epi32(0x10100));
    const __m256 m = group_scales<Format>(blocks, 2);
    products = _mm256_add_ps(products, _mm256_mul_ps(m, _mm256_cvtepi32_ps(x_sums)));
  }
  return products;
}

// One block of activations (8 groups) of four rows: the tree of kernels/table.h by pairs of lanes.
template <class Format>
HEARTH_INLINE inline __m128 group_values(const FourRows& rows, const ActBlock& act) {
  __m256 p[4];
  for (int r = 0; r < 4; ++r) p[r] = group_products<Format>(rows.block[r], act);
  const __m256 all = _mm256_hadd_ps(_mm256_hadd_ps(p[0], p[1]), _mm256_hadd_ps(p[2], p[3]));
  return _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1));
}

template <class Format, int T>
inline void group_direct(const MatmulTile& tile, FourRows rows) {
  __m128 sums[T];
  for (int t = 0; t < T; ++t) sums[t] = _mm_setzero_ps();
  const auto add_block = [&](int b) HEARTH_INLINE {
    for (int t = 0; t < T; ++t) {
      const ActBlock& act = act_row(tile, t)[b];
      const __m128 value = group_values<Format>(rows, act);
      sums[t] = _mm_add_ps(sums[t], _mm_mul_ps(value, _mm_set1_ps(act.scale)));
    }
  };
  const int n_full = tile.n_cols / 256, rest_bytes = tile.n_cols % 256 / 32 * Format::kBytes;
  for (int b = 0; b < n_full; ++b) {
    for (int r = 0; r < 4; ++r) prefetch(rows.block[r], 8 * Format::kBytes);
    add_block(b);
    for (int r = 0; r < 4; ++r) rows.block[r] += 8 * Format::kBytes;
  }
  if (rest_bytes != 0) {
    uint8_t copies[4][8 * Format::kBytes] = {};  // groups past the end have d = 0
    for (int r = 0; r < 4; ++r) {
      __builtin_memcpy(copies[r], rows.block[r], static_cast<unsigned long>(rest_bytes));
      rows.block[r] = copies[r];
    }
    add_block(n_full);
  }
  for (int t = 0; t < T; ++t) store_rows(tile, rows, t, sums[t]);
}

// kKernel: super_direct or group_direct with the format and number of tokens.
template <class Kernel>
inline void for_four_rows(const MatmulTile& tile, const Kernel& kernel) {
  const int segment = tile.n_rows / 4, rest = tile.n_rows % 4;
  for (int i = 0; i < segment; ++i) kernel(four_rows(tile, i, segment, 4));
  if (rest != 0) kernel(four_rows(tile, 4 * segment, 1, rest));
}

}  // namespace
}  // namespace hearth::cpu
