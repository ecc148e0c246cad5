// SPDX-License-Identifier: MIT
// Products of q4_k, q5_k and q6_k with few tokens (decode uses it for one), written once over Words
// and digits.<isa>.h. The activations' 14 bits are cut into two signed digits of 7 once for all
// rows, so that weights stay bytes: unpacking them costs half of what words do, and a
// multiplication more for each token. Scales and minima of four rows are taken apart together. In,
// out and the exact arithmetic: kernels/table.h.
#pragma once
#include "backend/cpu/kernels/dot_direct.h"

namespace hearth::cpu {
namespace {

// A block of activations: x = 128 high + low, -64 <= low < 64, -64 <= high <= 64, in slots of 64
// as the weights come.
struct alignas(64) DigitBlock {
  int8_t high[256], low[256];
  SumPair sums[16];  // of x over a format's groups
  float scale;
};

// Formats. visit() hands out the weights of one slot after the other as f(Constant<slot>, bytes);
// half_slot() says in which half of a slot, of 32 columns, a group of 32 columns lies. Heads: what
// is taken from four rows together.
inline Words nibbles_low(Words bytes) { return words_and(bytes, words_set(0x0f0f)); }
inline Words nibbles_high(Words bytes) {
  return words_and(words_right<4>(bytes), words_set(0x0f0f));
}

// q4_k and q5_k: 64 bytes hold groups 4 i, 4 i + 2 in their low halves and 4 i + 1, 4 i + 3 in
// their high ones.
struct KDigits {
  using Heads = KHeads;
  static constexpr int kSumGroup = 32;
  static constexpr int half_slot(int group) {
    constexpr int kSlots[8] = {0, 2, 1, 3, 4, 6, 5, 7};
    return kSlots[group];
  }
  template <int kRow, int kSlot>
  static Words scale(const Heads& heads) {
    return heads.scale<kRow, 4 * (kSlot / 2) + kSlot % 2>();
  }
};

struct Q4KDigits : KDigits {
  static constexpr int kBytes = sizeof(layout::BlockQ4_K);
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    unroll<0, 2>([&](auto i) HEARTH_INLINE {
      const Words bytes = words_load_bytes(block + 16 + 64 * i.value);
      f(Constant<2 * i.value>{}, nibbles_low(bytes));
      f(Constant<2 * i.value + 1>{}, nibbles_high(bytes));
    });
  }
};

struct Q5KDigits : KDigits {
  static constexpr int kBytes = sizeof(layout::BlockQ5_K);
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Words fifths = words_twice(block + 16);
    unroll<0, 2>([&](auto i) HEARTH_INLINE {
      constexpr int g = 4 * i.value;
      const Words bytes = words_load_bytes(block + 48 + 64 * i.value);
      f(Constant<2 * i.value>{},
        words_or(nibbles_low(bytes), sixteens(words_move_halves<4 - g, 2 - g>(fifths))));
      f(Constant<2 * i.value + 1>{},
        words_or(nibbles_high(bytes), sixteens(words_move_halves<3 - g, 1 - g>(fifths))));
    });
  }

 private:
  static Words sixteens(Words w) { return words_and(w, words_set(0x1010)); }
};

// 64 bytes hold 64 columns in their low halves and the next 64 in their high ones; weights come
// with their zero point of 32, which goes out with the sums.
struct Q6KDigits {
  using Heads = Q6KScales;
  static constexpr int kBytes = sizeof(layout::BlockQ6_K);
  static constexpr int kSumGroup = 16;
  static constexpr int half_slot(int group) { return group; }
  template <int kRow, int kSlot>
  static Words scale(const Heads& heads) {
    return heads.scale<kRow, kSlot>();
  }
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    unroll<0, 2>([&](auto i) HEARTH_INLINE {
      const Words bytes = words_load_bytes(block + 64 * i.value);
      const Words tops = words_twice(block + 128 + 32 * i.value);
      f(Constant<2 * i.value>{}, words_or(nibbles_low(bytes), top(words_move_halves<4, 2>(tops))));
      f(Constant<2 * i.value + 1>{},
        words_or(nibbles_high(bytes), top(words_move_halves<0, -2>(tops))));
    });
  }

 private:
  static Words top(Words w) { return words_and(w, words_set(0x3030)); }
};

// 32 values, in their order; low digits are those from -kHalf on.
template <int kHalf>
inline void cut_digits(const int16_t* x, int8_t* high, int8_t* low) {
  __m256i digits[2][2];
  for (int i = 0; i < 2; ++i) {
    const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + 16 * i));
    const __m256i half = _mm256_set1_epi16(kHalf), mask = _mm256_set1_epi16(127);
    digits[0][i] = _mm256_sub_epi16(_mm256_and_si256(_mm256_add_epi16(v, half), mask), half);
    digits[1][i] = _mm256_srai_epi16(_mm256_sub_epi16(v, digits[0][i]), 7);
  }
  const auto store = [](int8_t* to, const __m256i d[2]) {
    // The pack works on halves of registers.
    const __m256i bytes = _mm256_permute4x64_epi64(_mm256_packs_epi16(d[0], d[1]), 0xd8);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), bytes);
  };
  store(low, digits[0]);
  store(high, digits[1]);
}

template <class Format>
void arrange_digits(const ActBlock& act, DigitBlock& out) {
  for (int g = 0; g < 8; ++g) {
    const int at = 32 * Format::half_slot(g);
    cut_digits<64>(act.x + 32 * g, out.high + at, out.low + at);
  }
  if constexpr (Format::kSumGroup == 32) {
    __builtin_memcpy(out.sums, act.sum32, sizeof(act.sum32));
  } else {
    __builtin_memcpy(out.sums, act.sum16, sizeof(act.sum16));
  }
  out.scale = act.scale;
}

// d * S - dmin * M and d * S of a block of four rows, from the sums of both digits.
HEARTH_INLINE inline __m128 digits_value(const Q4KDigits*, const KHeads& heads, const FourRows&,
                                         const Ints high[4], const Ints low[4],
                                         const DigitBlock& x) {
  Ints joined[4];
  for (int r = 0; r < 4; ++r) joined[r] = ints_join_digits(high[r], low[r]);
  const __m128 mins = _mm_cvtepi32_ps(heads.min_sums(x.sums));
  return _mm_sub_ps(_mm_mul_ps(heads.d(), ints_sum4_narrow(joined)),
                    _mm_mul_ps(heads.dmin(), mins));
}
// 128 high + low - 32 zeros, rounded once.
HEARTH_INLINE inline __m128 join_rows(const Ints high[4], const Ints low[4], __m128i zeros) {
  const __m256d sum =
      _mm256_add_pd(_mm256_mul_pd(_mm256_cvtepi32_pd(ints_sum4(high)), _mm256_set1_pd(128)),
                    _mm256_cvtepi32_pd(ints_sum4(low)));
  return _mm256_cvtpd_ps(
      _mm256_sub_pd(sum, _mm256_mul_pd(_mm256_cvtepi32_pd(zeros), _mm256_set1_pd(32))));
}
HEARTH_INLINE inline __m128 digits_value(const Q5KDigits*, const KHeads& heads, const FourRows&,
                                         const Ints high[4], const Ints low[4],
                                         const DigitBlock& x) {
  const __m128 mins = _mm_cvtepi32_ps(heads.min_sums(x.sums));
  return _mm_sub_ps(_mm_mul_ps(heads.d(), join_rows(high, low, _mm_setzero_si128())),
                    _mm_mul_ps(heads.dmin(), mins));
}
HEARTH_INLINE inline __m128 digits_value(const Q6KDigits*, const Q6KScales& scales,
                                         const FourRows& rows, const Ints high[4],
                                         const Ints low[4], const DigitBlock& x) {
  const __m128i zeros = scales.sums(x.sums);
  return _mm_mul_ps(halves_of(rows, 208), join_rows(high, low, zeros));
}

// One block of four rows with T tokens: the values to be scaled and added.
template <class Format, int T>
HEARTH_INLINE inline void digit_products(const FourRows& rows, const DigitBlock* const x[T],
                                         __m128 values[T]) {
  const typename Format::Heads heads(rows);
  Ints high[T][4], low[T][4];
  unroll<0, 4>([&](auto row) HEARTH_INLINE {
    constexpr int r = row.value;
    for (int t = 0; t < T; ++t) high[t][r] = low[t][r] = ints_zero();
    Format::visit(rows.block[r], [&](auto slot, Words w) HEARTH_INLINE {
      const Words scale = Format::template scale<r, slot.value>(heads);
      for (int t = 0; t < T; ++t) {
        high[t][r] = ints_dot(high[t][r], bytes_dot(w, x[t]->high + 64 * slot.value), scale);
        low[t][r] = ints_dot(low[t][r], bytes_dot(w, x[t]->low + 64 * slot.value), scale);
      }
    });
  });
  for (int t = 0; t < T; ++t) {
    values[t] =
        digits_value(static_cast<const Format*>(nullptr), heads, rows, high[t], low[t], *x[t]);
  }
}

// n_blocks blocks of activations from `first` on, for four rows.
template <class Format, int T>
HEARTH_INLINE inline void digits_of_rows(const MatmulTile& tile, FourRows rows, int first,
                                         int n_blocks, const DigitBlock* acts) {
  __m128 totals[T];
  const DigitBlock* x[T];
  for (int t = 0; t < T; ++t) {
    totals[t] = _mm_setzero_ps();
    if (first > 0 && t < tile.n_tokens) load_rows(tile, rows, t, totals[t]);
    x[t] = acts + t * n_blocks;
  }
  for (int r = 0; r < 4; ++r) rows.block[r] += int64_t{first} * Format::kBytes;
  for (int b = 0; b < n_blocks; ++b) {
    for (int r = 0; r < 4; ++r) prefetch(rows.block[r], Format::kBytes);
    __m128 values[T];
    digit_products<Format, T>(rows, x, values);
    for (int t = 0; t < T; ++t) {
      totals[t] = _mm_add_ps(totals[t], _mm_mul_ps(values[t], _mm_set1_ps(x[t]->scale)));
      ++x[t];
    }
    for (int r = 0; r < 4; ++r) rows.block[r] += Format::kBytes;
  }
  store_all<T>(tile, rows, totals);
}

template <class Format, int T>
void digits_direct(const MatmulTile& tile) {
  // As many as lie in a first-level cache with what streams by: 41 KB of the stack, 16384 columns
  // at one token. Longer rows go in several passes.
  constexpr int kBlocks = 64 / T;
  DigitBlock acts[kBlocks * T];
  const int all_blocks = tile.n_cols / 256;
  for (int first = 0; first < all_blocks; first += kBlocks) {
    const int n_blocks = all_blocks - first < kBlocks ? all_blocks - first : kBlocks;
    const Acts<T> rows_of_acts = act_rows<T>(tile);
    for (int t = 0; t < T; ++t) {
      for (int b = 0; b < n_blocks; ++b) {
        arrange_digits<Format>(rows_of_acts.block[t][first + b], acts[t * n_blocks + b]);
      }
    }
    for_four_rows(tile, [&](int row, int step, int n) {
      digits_of_rows<Format, T>(tile, four_rows(tile, row, step, n), first, n_blocks, acts);
    });
  }
}

}  // namespace
}  // namespace hearth::cpu
