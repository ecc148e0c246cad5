// SPDX-License-Identifier: MIT
// Four groups of 32 weights side by side, a "quad" (dot_groups.h), in one 512-bit register: quarter
// g belongs to group g. And the scales of eight groups of two rows, a "pair": 16 lanes in the order
// in which pair_sums leaves them. Included after dot_pairs.<isa>.h.
#pragma once
#include "backend/cpu/kernels/lanes.avx512.h"
#include "backend/cpu/kernels/quad_blocks.h"
// Words first, then what is written over it.
#include "backend/cpu/kernels/unpack.h"

namespace hearth::cpu {
namespace {

constexpr int pair_group(int lane) { return lane / 4 + 4 * (lane % 2); }
constexpr int pair_row(int lane) { return lane % 4 / 2; }

// 16 bytes of each of four groups, from byte kAt of their blocks.
template <int kStride, int kAt, class Blocks>
inline Words quad_bytes(const Blocks& blocks) {
  if constexpr (!requires { blocks.row; } && kStride % 4 == 0 && kStride <= 24) {
    const uint8_t* p = blocks + kAt;
    // Groups 0 to 2 lie within 64 bytes of the first, group 3 ends the other 64.
    constexpr int k1 = kStride / 4, k2 = kStride / 2;
    const __m512i index = _mm512_setr_epi32(0, 1, 2, 3, k1, k1 + 1, k1 + 2, k1 + 3, k2, k2 + 1,
                                            k2 + 2, k2 + 3, 28, 29, 30, 31);
    return _mm512_permutex2var_epi32(_mm512_loadu_si512(p), index,
                                     _mm512_loadu_si512(p + 3 * kStride + 16 - 64));
  } else {
    const auto at = [&](int i) { return block_at<kStride>(blocks, i) + kAt; };
    const __m512i half = _mm512_castsi256_si512(two_16_bytes(at(0), at(1)));
    return _mm512_inserti64x4(half, two_16_bytes(at(2), at(3)), 1);
  }
}
inline Words quad_load(const int16_t* x) { return _mm512_load_si512(x); }

// Bytes 2 i and 2 i + 1 of each pair as signed words.
inline Words words_even_signed(Words bytes) {
  return _mm512_srai_epi16(_mm512_slli_epi16(bytes, 8), 8);
}
inline Words words_odd_signed(Words bytes) { return _mm512_srai_epi16(bytes, 8); }
// table[b] for bytes 0 <= b < 16.
inline Words bytes_table(Words bytes, const int8_t* table) {
  const __m128i values = load_16_bytes(reinterpret_cast<const uint8_t*>(table));
  return _mm512_shuffle_epi8(_mm512_broadcast_i32x4(values), bytes);
}

// The 32 fifth bits of each group of a quad: 16 bits in every word of its quarter.
struct FifthBits {
  __m512i low, high;  // of weights 0 to 15, 16 to 31
};
template <int kStride, class Blocks>
inline FifthBits fifth_bits(const Blocks& blocks) {
  const auto at = [&](int i) {
    int bits;
    __builtin_memcpy(&bits, block_at<kStride>(blocks, i), 4);
    return bits;
  };
  __m512i all = _mm512_set1_epi32(at(0));
  all = _mm512_mask_set1_epi32(all, 0x00f0, at(1));
  all = _mm512_mask_set1_epi32(all, 0x0f00, at(2));
  all = _mm512_mask_set1_epi32(all, 0xf000, at(3));
  return {_mm512_shuffle_epi8(all, _mm512_set1_epi16(0x0100)),
          _mm512_shuffle_epi8(all, _mm512_set1_epi16(0x0302))};
}
// Adds 16 to word i of each quarter where bit 2 i (kOdd: 2 i + 1) is set.
template <bool kOdd>
inline Words words_or_fifth(Words w, __m512i bits) {
  const __m512i even = _mm512_broadcast_i32x4(_mm_setr_epi16(1, 4, 16, 64, 256, 1024, 4096, 16384));
  const __mmask32 set = _mm512_test_epi16_mask(bits, kOdd ? _mm512_slli_epi16(even, 1) : even);
  return _mm512_mask_add_epi16(w, set, w, words_set(16));
}

// Where the kUnit bytes (2 or 4) at kAt of eight blocks lie: 64-byte windows from the first block
// on, none past the last, and a permutation of two windows to the lanes of a pair.
template <int kStride, int kAt, int kUnit>
struct Windows {
  static constexpr int kTotal = 8 * kStride;
  static constexpr int begin(int window) {
    return 64 * window + 64 <= kTotal ? 64 * window : kTotal - 64;
  }
  static constexpr int position(int group) {
    return (group * kStride + kAt) / kUnit * kUnit;  // mxfp4: the word that the byte is in
  }
  static constexpr int window_of(int group) {
    int window = 0;
    while (position(group) + kUnit > begin(window) + 64) ++window;
    return window;
  }
  static constexpr int kCount = window_of(7) + 1;
  static constexpr bool uses(int lane, int row, int window) {
    const int w = window_of(pair_group(lane));
    return pair_row(lane) == row && (w == window || w == window + 1);
  }
  static constexpr uint16_t mask(int row, int window) {
    int bits = 0;
    for (int lane = 0; lane < 16; ++lane) bits |= uses(lane, row, window) ? 1 << lane : 0;
    return static_cast<uint16_t>(bits);
  }
  struct alignas(64) Indices {
    uint8_t bytes[64];
  };
  static constexpr Indices indices(int window) {
    Indices all = {};
    for (int lane = 0; lane < 16; ++lane) {
      const int group = pair_group(lane), w = window_of(group);
      const int unit = (position(group) - begin(w)) / kUnit;
      // Below 128, so the other bytes of the index are 0.
      all.bytes[lane * kUnit] = static_cast<uint8_t>(w == window + 1 ? unit + 64 / kUnit : unit);
    }
    return all;
  }
};

// The units of two rows as 16 lanes of kUnit bytes.
template <int kStride, int kAt, int kUnit>
inline __m512i pair_units(const uint8_t* a, const uint8_t* b) {
  using W = Windows<kStride, kAt, kUnit>;
  __m512i result = _mm512_setzero_si512();
  unroll<0, (W::kCount + 1) / 2>([&](auto i) HEARTH_INLINE {
    constexpr int kFirst = 2 * i.value, kNext = kFirst + 1 < W::kCount ? kFirst + 1 : kFirst;
    static constexpr auto kIndex = W::indices(kFirst);
    const __m512i index = _mm512_load_si512(&kIndex);
    const auto row = [&](const uint8_t* p, auto mask) HEARTH_INLINE {
      const __m512i first = _mm512_loadu_si512(p + W::begin(kFirst));
      const __m512i second = _mm512_loadu_si512(p + W::begin(kNext));
      if constexpr (kUnit == 2) {
        return _mm512_maskz_permutex2var_epi16(mask.value, first, index, second);
      } else {
        return _mm512_maskz_permutex2var_epi32(mask.value, first, index, second);
      }
    };
    const __m512i units = _mm512_or_si512(row(a, Constant<W::mask(0, kFirst)>{}),
                                          row(b, Constant<W::mask(1, kFirst)>{}));
    result = i.value == 0 ? units : _mm512_or_si512(result, units);
  });
  return result;
}

// Halves at kAt.
template <int kStride, int kAt>
inline Vec pair_halves(const uint8_t* a, const uint8_t* b) {
  return _mm512_cvtph_ps(_mm512_castsi512_si256(pair_units<kStride, kAt, 2>(a, b)));
}
// The two halves that each block begins with.
template <int kStride>
inline void pair_two_halves(const uint8_t* a, const uint8_t* b, Vec& first, Vec& second) {
  const __m512i both = pair_units<kStride, 0, 4>(a, b);
  const __m512i apart = _mm512_shuffle_epi8(
      both,
      _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15)));
  const __m512i halves = _mm512_permutexvar_epi64(_mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7), apart);
  first = _mm512_cvtph_ps(_mm512_castsi512_si256(halves));
  second = _mm512_cvtph_ps(_mm512_extracti64x4_epi64(halves, 1));
}
// mxfp4's exponents, halved (mxfp4_scale).
template <int kStride>
inline Vec pair_exponents(const uint8_t* a, const uint8_t* b) {
  const __m512i words =
      _mm512_cvtepu16_epi32(_mm512_castsi512_si256(pair_units<kStride, 0, 2>(a, b)));
  // Odd blocks begin at odd addresses: their byte is the upper one.
  const __m512i shifts =
      _mm512_setr_epi32(0, 0, 0, 0, 8, 8, 8, 8, 0, 0, 0, 0, 8, 8, 8, 8);  // pair_group(lane) % 2
  const __m512i e = _mm512_and_si512(_mm512_srlv_epi32(words, shifts), _mm512_set1_epi32(255));
  const __m512i normal = _mm512_slli_epi32(_mm512_sub_epi32(e, _mm512_set1_epi32(1)), 23);
  const __m512i subnormal = _mm512_sllv_epi32(_mm512_set1_epi32(0x00200000), e);
  const __mmask16 is_small = _mm512_cmplt_epu32_mask(e, _mm512_set1_epi32(2));
  return _mm512_castsi512_ps(_mm512_mask_mov_epi32(normal, is_small, subnormal));
}
inline Vec pair_masked(Vec v, const uint32_t* valid) {
  return _mm512_castsi512_ps(_mm512_and_si512(_mm512_castps_si512(v), _mm512_load_si512(valid)));
}

// The sums of the quarters of two quads of rows a and b, in the order of a pair.
inline Ints pair_sums(const Ints a[2], const Ints b[2]) {
  const __m512i x =
      _mm512_add_epi32(_mm512_unpacklo_epi32(a[0], a[1]), _mm512_unpackhi_epi32(a[0], a[1]));
  const __m512i y =
      _mm512_add_epi32(_mm512_unpacklo_epi32(b[0], b[1]), _mm512_unpackhi_epi32(b[0], b[1]));
  return _mm512_add_epi32(_mm512_unpacklo_epi64(x, y), _mm512_unpackhi_epi64(x, y));
}

// Quads of TwoRows, a[0] of rows 0 and 2, a[1] of rows 1 and 3: the sums of the first block of rows
// 0 to 3, then of the second.
inline __m256i two_block_sums(const Ints a[2]) {
  const __m512i x =
      _mm512_add_epi32(_mm512_unpacklo_epi32(a[0], a[1]), _mm512_unpackhi_epi32(a[0], a[1]));
  const __m512i y = _mm512_add_epi32(x, _mm512_shuffle_epi32(x, _MM_PERM_BADC));
  const __m512i order = _mm512_setr_epi32(0, 1, 8, 9, 4, 5, 12, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, y));
}

// The tree of kernels/table.h over the groups of four rows.
inline __m128 pair_tree(Vec ab, Vec cd) {
  // Quarters: groups 0 + 1 and 2 + 3 (and 4 more each) of a and b, then of c and d.
  const Vec x =
      _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
  const Vec y = _mm512_add_ps(x, _mm512_shuffle_f32x4(x, x, 0xb1));
  const Vec z = _mm512_add_ps(y, _mm512_permute_ps(y, 0xb1));
  const __m512i rows = _mm512_setr_epi32(0, 2, 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castps512_ps128(_mm512_permutexvar_ps(rows, z));
}

}  // namespace
}  // namespace hearth::cpu
