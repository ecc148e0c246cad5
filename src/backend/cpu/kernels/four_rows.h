// SPDX-License-Identifier: MIT
// Four rows of a tile at once, for products with few tokens (dot_direct.h, dot_digits.h,
// dot_groups.h). Included after words.<isa>.h.
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

HEARTH_INLINE inline void load_rows(const MatmulTile& tile, const FourRows& rows, int token,
                                    __m128& sums) {
  const float* out = tile.out + token * tile.out_stride;
  sums =
      _mm_setr_ps(out[rows.index[0]], out[rows.index[1]], out[rows.index[2]], out[rows.index[3]]);
}

HEARTH_INLINE inline __m128 halves_of(const FourRows& rows, int at) {
  const auto half = [&](int r) { return static_cast<int16_t>(load_u16(rows.block[r] + at)); };
  return _mm_cvtph_ps(_mm_setr_epi16(half(0), half(1), half(2), half(3), 0, 0, 0, 0));
}

inline __m256i load_pairs(const SumPair* p) {
  return _mm256_load_si256(reinterpret_cast<const __m256i*>(p));
}

}  // namespace
}  // namespace hearth::cpu
