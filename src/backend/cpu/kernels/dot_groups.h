// SPDX-License-Identifier: MIT
// Products of weights in blocks of 32 with one to four tokens (decode), written once over Words and
// quads (quads.<isa>.h). Four groups go side by side: their bytes are taken as words of 16 bits,
// whose even and odd bytes, low and high halves are split by shifts and masks, so that no byte is
// widened and the sums of a group end in one quarter of a register. The activations are put into
// that order once for all rows. Two rows' groups then share one register of scales and products.
// In, out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/dot_direct.h"

namespace hearth::cpu {
namespace {

// Formats. quad() hands out the weights of four groups as f(Constant<part>, words): words of part
// 0 to 3 belong to columns 0, 2 .. 14; 1, 3 .. 15; 16, 18 .. 30; 17, 19 .. 31 of the group in whose
// quarter they are. kZero is still to be subtracted; scales() gives d and, with kHasMin, m of a
// pair. kDAt, kMAt: bytes of a block before its halves d and m.
template <int kStride, int kAt>
struct NibbleQuads {
  static constexpr int kBytes = kStride, kZero = 0, kDAt = 0, kMAt = 2;
  static constexpr bool kHasMin = false;
  template <class Blocks, class F>
  HEARTH_INLINE static void quad(const Blocks& blocks, const F& f) {
    const Words bytes = quad_bytes<kStride, kAt>(blocks), fifteen = words_set(15);
    f(Constant<0>{}, words_and(bytes, fifteen));
    f(Constant<1>{}, words_and(words_right<8>(bytes), fifteen));
    f(Constant<2>{}, words_and(words_right<4>(bytes), fifteen));
    f(Constant<3>{}, words_right<12>(bytes));
  }
  HEARTH_INLINE static void scales(const uint8_t* a, const uint8_t* b, Vec& d, Vec&) {
    d = pair_halves<kStride, 0>(a, b);
  }
};

template <int kStride, int kAt, int kFifthAt>
struct FiveBitQuads : NibbleQuads<kStride, kAt> {
  template <class Blocks, class F>
  HEARTH_INLINE static void quad(const Blocks& blocks, const F& f) {
    const FifthBits bits = fifth_bits<kStride>(blocks + kFifthAt);
    NibbleQuads<kStride, kAt>::quad(blocks, [&](auto part, Words w) HEARTH_INLINE {
      f(part, words_or_fifth<part.value % 2 == 1>(w, part.value < 2 ? bits.low : bits.high));
    });
  }
};

template <int kStride, int kAt>
struct TableQuads : NibbleQuads<kStride, kAt> {
  template <class Blocks, class F>
  HEARTH_INLINE static void look_up(const Blocks& blocks, const int8_t* table, const F& f) {
    const Words bytes = quad_bytes<kStride, kAt>(blocks), fifteens = words_set(0x0f0f);
    const Words low = bytes_table(words_and(bytes, fifteens), table);
    const Words high = bytes_table(words_and(words_right<4>(bytes), fifteens), table);
    f(Constant<0>{}, words_even_signed(low));
    f(Constant<1>{}, words_odd_signed(low));
    f(Constant<2>{}, words_even_signed(high));
    f(Constant<3>{}, words_odd_signed(high));
  }
};

struct QuadsQ4_0 : NibbleQuads<18, 2> {
  static constexpr int kZero = 8;
};
struct QuadsQ5_0 : FiveBitQuads<22, 6, 2> {
  static constexpr int kZero = 16;
};
struct QuadsQ4_1 : NibbleQuads<20, 4> {
  static constexpr bool kHasMin = true;
  HEARTH_INLINE static void scales(const uint8_t* a, const uint8_t* b, Vec& d, Vec& m) {
    pair_two_halves<20>(a, b, d, m);
  }
};
struct QuadsQ5_1 : FiveBitQuads<24, 8, 4> {
  static constexpr bool kHasMin = true;
  HEARTH_INLINE static void scales(const uint8_t* a, const uint8_t* b, Vec& d, Vec& m) {
    pair_two_halves<24>(a, b, d, m);
  }
};
struct QuadsQ8_0 : NibbleQuads<34, 2> {
  template <class Blocks, class F>
  HEARTH_INLINE static void quad(const Blocks& blocks, const F& f) {
    const Words first = quad_bytes<34, 2>(blocks), second = quad_bytes<34, 18>(blocks);
    f(Constant<0>{}, words_even_signed(first));
    f(Constant<1>{}, words_odd_signed(first));
    f(Constant<2>{}, words_even_signed(second));
    f(Constant<3>{}, words_odd_signed(second));
  }
};
struct QuadsIQ4NL : TableQuads<18, 2> {
  template <class Blocks, class F>
  HEARTH_INLINE static void quad(const Blocks& blocks, const F& f) {
    look_up(blocks, layout::kIq4Values, f);
  }
};
struct QuadsMXFP4 : TableQuads<17, 1> {
  static constexpr int kDAt = -1;  // no half but an exponent
  template <class Blocks, class F>
  HEARTH_INLINE static void quad(const Blocks& blocks, const F& f) {
    look_up(blocks, layout::kFp4DoubledValues, f);
  }
  HEARTH_INLINE static void scales(const uint8_t* a, const uint8_t* b, Vec& d, Vec&) {
    d = pair_exponents<17>(a, b);
  }
};
static_assert(QuadsQ4_0::kBytes == sizeof(layout::BlockQ4_0) &&
              QuadsQ5_0::kBytes == sizeof(layout::BlockQ5_0) &&
              QuadsQ4_1::kBytes == sizeof(layout::BlockQ4_1) &&
              QuadsQ5_1::kBytes == sizeof(layout::BlockQ5_1) &&
              QuadsQ8_0::kBytes == sizeof(layout::BlockQ8_0) &&
              QuadsIQ4NL::kBytes == sizeof(layout::BlockIQ4_NL) &&
              QuadsMXFP4::kBytes == sizeof(layout::BlockMXFP4));

// A block of activations in the order of quads and pairs. A rest of one or two groups: each twice
// in the first quad, as TwoRows has them, and for four lanes.
struct alignas(64) QuadBlock {
  int16_t x[2][4][32];  // [quad][part]
  float sums[16];       // of the group of each lane of a pair
  int32_t zeros[16];    // the format's zero point times the same
  uint32_t valid[16];   // all bits of lanes whose group exists
  float scale;
};

// Even words of 8 first, then the odd ones.
inline __m128i even_then_odd(const int16_t* x) {
  const __m128i order = _mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15);
  return _mm_shuffle_epi8(_mm_load_si128(reinterpret_cast<const __m128i*>(x)), order);
}

inline void arrange_quads(const ActBlock& act, int n_groups, int zero, QuadBlock& out) {
  const bool is_twice = n_groups <= 2;
  for (int g = 0; g < 8; ++g) {
    for (int half = 0; half < 2; ++half) {
      const int16_t* x = act.x + 32 * (is_twice ? g % 2 : g) + 16 * half;
      const __m128i a = even_then_odd(x), b = even_then_odd(x + 8);
      int16_t(*parts)[32] = out.x[g / 4] + 2 * half;
      const auto put = [&](int part, __m128i words) {
        _mm_store_si128(reinterpret_cast<__m128i*>(parts[part] + 8 * (g % 4)), words);
      };
      put(0, _mm_unpacklo_epi64(a, b));
      put(1, _mm_unpackhi_epi64(a, b));
    }
  }
  for (int lane = 0; lane < 16; ++lane) {
    const int g = is_twice ? lane / 4 % 2 : pair_group(lane);
    const int sum = 256 * act.sum32[g].high + act.sum32[g].low;
    out.sums[lane] = static_cast<float>(sum);
    out.zeros[lane] = zero * sum;
    out.valid[lane] = g < n_groups ? ~0u : 0u;
  }
  out.scale = act.scale;
}

// The products of the groups of rows a and b with T tokens, before they are added. Groups are of
// one quad or of two; where kPartial, some do not exist, and their weights are whatever lies there.
template <class Format, int T, int kQuads, bool kPartial>
HEARTH_INLINE inline void pair_products(const uint8_t* a, const uint8_t* b,
                                        const QuadBlock* const x[T], Vec out[T]) {
  Ints sums[2][T][2];
  unroll<0, 2>([&](auto row) HEARTH_INLINE {
    const uint8_t* blocks = row.value == 0 ? a : b;
    unroll<0, 2>([&](auto quad) HEARTH_INLINE {
      for (int t = 0; t < T; ++t) sums[row.value][t][quad.value] = ints_zero();
      if constexpr (quad.value < kQuads) {
        Format::quad(blocks + 4 * quad.value * Format::kBytes,
                     [&](auto part, Words w) HEARTH_INLINE {
                       for (int t = 0; t < T; ++t) {
                         Ints& sum = sums[row.value][t][quad.value];
                         sum = ints_dot(sum, w, quad_load(x[t]->x[quad.value][part.value]));
                       }
                     });
      }
    });
  });
  Vec d, m = vec_zero();
  Format::scales(a, b, d, m);
  if constexpr (kPartial) {
    d = pair_masked(d, x[0]->valid);
    m = pair_masked(m, x[0]->valid);
  }
  for (int t = 0; t < T; ++t) {
    Ints sum = pair_sums(sums[0][t], sums[1][t]);
    if constexpr (Format::kZero != 0) sum = ints_sub(sum, ints_load(x[t]->zeros));
    out[t] = vec_mul(d, ints_to_vec(sum));
    if constexpr (Format::kHasMin) {
      out[t] = vec_add(out[t], vec_mul(m, vec_load(x[t]->sums)));
    }
  }
}

template <class Format, int T, int kQuads, bool kPartial>
HEARTH_INLINE inline void add_groups(const FourRows& rows, const QuadBlock* const x[T],
                                     __m128 totals[T]) {
  Vec products[2][T];
  unroll<0, 2>([&](auto pair) HEARTH_INLINE {
    constexpr int kRow = 2 * pair.value;
    pair_products<Format, T, kQuads, kPartial>(rows.block[kRow], rows.block[kRow + 1], x,
                                               products[pair.value]);
  });
  for (int t = 0; t < T; ++t) {
    const __m128 value = pair_tree(products[0][t], products[1][t]);
    totals[t] = _mm_add_ps(totals[t], _mm_mul_ps(value, _mm_set1_ps(x[t]->scale)));
  }
}

// The halves at kAt of the first blocks of four rows, then of the second ones.
template <int kAt>
inline __m256 two_block_halves(const FourRows& rows, int second) {
  const auto four = [&](int offset) {
    const auto half = [&](int r) {
      return static_cast<uint64_t>(load_u16(rows.block[r] + offset + kAt));
    };
    return static_cast<int64_t>(half(0) | half(1) << 16 | half(2) << 32 | half(3) << 48);
  };
  return _mm256_cvtph_ps(_mm_set_epi64x(four(second), four(0)));
}
template <class Format>
inline __m256 two_block_scales(const FourRows& rows, int second) {
  if constexpr (Format::kDAt >= 0) {
    return two_block_halves<Format::kDAt>(rows, second);
  } else {
    const auto scale = [&](int r, int offset) { return mxfp4_scale(rows.block[r][offset]); };
    return _mm256_setr_ps(scale(0, 0), scale(1, 0), scale(2, 0), scale(3, 0), scale(0, second),
                          scale(1, second), scale(2, second), scale(3, second));
  }
}

// The rest of four rows, one or two groups: quads of two rows, so that none is half empty.
template <class Format, int T>
HEARTH_INLINE inline void add_two_groups(const FourRows& rows, int n_groups,
                                         const QuadBlock* const x[T], __m128 totals[T]) {
  const int second = n_groups == 2 ? Format::kBytes : 0;
  Ints sums[T][2];
  unroll<0, 2>([&](auto i) HEARTH_INLINE {
    for (int t = 0; t < T; ++t) sums[t][i.value] = ints_zero();
    const TwoRows two{{rows.block[i.value], rows.block[i.value + 2]}, second};
    Format::quad(two, [&](auto part, Words w) HEARTH_INLINE {
      for (int t = 0; t < T; ++t) {
        Ints& sum = sums[t][i.value];
        sum = ints_dot(sum, w, quad_load(x[t]->x[0][part.value]));
      }
    });
  });
  const auto masked = [&](__m256 v) {
    return _mm256_and_ps(v, _mm256_load_ps(reinterpret_cast<const float*>(x[0]->valid)));
  };
  const __m256 d = masked(two_block_scales<Format>(rows, second));
  for (int t = 0; t < T; ++t) {
    __m256i sum = two_block_sums(sums[t]);
    if constexpr (Format::kZero != 0) {
      sum = _mm256_sub_epi32(sum, _mm256_load_si256(reinterpret_cast<const __m256i*>(x[t]->zeros)));
    }
    __m256 product = _mm256_mul_ps(d, _mm256_cvtepi32_ps(sum));
    if constexpr (Format::kHasMin) {
      const __m256 m = masked(two_block_halves<Format::kMAt>(rows, second));
      product = _mm256_add_ps(product, _mm256_mul_ps(m, _mm256_load_ps(x[t]->sums)));
    }
    const __m128 value =
        _mm_add_ps(_mm256_castps256_ps128(product), _mm256_extractf128_ps(product, 1));
    totals[t] = _mm_add_ps(totals[t], _mm_mul_ps(value, _mm_set1_ps(x[t]->scale)));
  }
}

// The rest of a row: n_groups of 3 to 7. Scales are read of eight groups: where the last rows end
// before that, from a copy.
template <class Format, int T>
HEARTH_INLINE inline void add_rest(FourRows& rows, int n_groups, const uint8_t* end,
                                   const QuadBlock* const x[T], __m128 totals[T]) {
  constexpr int kAll = 8 * Format::kBytes;
  uint8_t copies[4][kAll];
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    if (end - rows.block[r] >= kAll) continue;
    __builtin_memset(copies[r], 0, kAll);
    __builtin_memcpy(copies[r], rows.block[r],
                     static_cast<unsigned long>(n_groups * Format::kBytes));
    rows.block[r] = copies[r];
  }
  if (n_groups <= 4) {
    add_groups<Format, T, 1, true>(rows, x, totals);
  } else {
    add_groups<Format, T, 2, true>(rows, x, totals);
  }
}

// n_blocks blocks of activations from `first` on, for four rows.
template <class Format, int T>
HEARTH_INLINE inline void groups_of_rows(const MatmulTile& tile, FourRows rows, int first,
                                         int n_blocks, const QuadBlock* acts) {
  __m128 totals[T];
  for (int t = 0; t < T; ++t) {
    totals[t] = _mm_setzero_ps();
    if (first > 0 && t < tile.n_tokens) load_rows(tile, rows, t, totals[t]);
  }
  const QuadBlock* x[T];
  for (int t = 0; t < T; ++t) x[t] = acts + t * n_blocks;
  for (int r = 0; r < 4; ++r) rows.block[r] += static_cast<int64_t>(first) * 8 * Format::kBytes;
  const int groups_left = tile.n_cols / 32 - 8 * first;
  const int n_full = groups_left / 8 < n_blocks ? groups_left / 8 : n_blocks;
  for (int b = 0; b < n_full; ++b) {
    for (int r = 0; r < 4; ++r) prefetch(rows.block[r], 8 * Format::kBytes);
    add_groups<Format, T, 2, false>(rows, x, totals);
    for (int r = 0; r < 4; ++r) rows.block[r] += 8 * Format::kBytes;
    for (int t = 0; t < T; ++t) ++x[t];
  }
  if (n_full < n_blocks) {
    const int n_groups = groups_left % 8;
    for (int r = 0; r < 4; ++r) prefetch(rows.block[r], n_groups * Format::kBytes);
    const uint8_t* end = tile.weights + (tile.n_rows - 1) * tile.row_bytes +
                         static_cast<int64_t>(tile.n_cols / 32) * Format::kBytes;
    if (n_groups <= 2) {
      add_two_groups<Format, T>(rows, n_groups, x, totals);
    } else {
      add_rest<Format, T>(rows, n_groups, end, x, totals);
    }
  }
  store_all<T>(tile, rows, totals);
}

template <class Format, int T>
void groups_direct(const MatmulTile& tile) {
  // As many as lie in a first-level cache with what streams by: 46 KB of the stack, 16384 columns
  // at one token. Longer rows go in several passes.
  constexpr int kBlocks = 64 / T;
  QuadBlock acts[kBlocks * T];
  const int all_blocks = (tile.n_cols + 255) / 256;
  for (int first = 0; first < all_blocks; first += kBlocks) {
    const int n_blocks = all_blocks - first < kBlocks ? all_blocks - first : kBlocks;
    for (int t = 0; t < T; ++t) {
      const int token = t < tile.n_tokens ? t : tile.n_tokens - 1;
      const auto* act =
          reinterpret_cast<const ActBlock*>(tile.acts + token * tile.act_bytes) + first;
      for (int b = 0; b < n_blocks; ++b) {
        const int n_groups = tile.n_cols / 32 - 8 * (first + b);
        arrange_quads(act[b], n_groups, Format::kZero, acts[t * n_blocks + b]);
      }
    }
    for_four_rows(tile, [&](int row, int step, int n) {
      groups_of_rows<Format, T>(tile, four_rows(tile, row, step, n), first, n_blocks, acts);
    });
  }
}

}  // namespace
}  // namespace hearth::cpu
