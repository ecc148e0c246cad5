// SPDX-License-Identifier: MIT
// Every quantized weight format as words of 16 bits, written once over Words (words.<isa>.h). A
// format's visit() hands out its weights as f(a, b, words): words 0 to 15 belong to columns a to
// a + 15, words 16 to 31 to columns b to b + 15. Integer scales and zero points are folded in, as
// the portable column does (unpack.base.h, which says what each format means).
#pragma once
#include "backend/cpu/kernels/inline.h"
#include "tensor/layout/blocks.h"

namespace hearth::cpu {
namespace {

// f(Constant<0>) to f(Constant<N - 1>): loops whose index must be a constant.
template <int kValue>
struct Constant {
  static constexpr int value = kValue;
};
template <int kFrom, int kTo, class F>
HEARTH_INLINE inline void unroll(const F& f) {
  if constexpr (kFrom < kTo) {
    f(Constant<kFrom>{});
    unroll<kFrom + 1, kTo>(f);
  }
}
inline uint32_t load_u32(const uint8_t* p) {
  uint32_t value;
  __builtin_memcpy(&value, p, 4);
  return value;
}

// Moves bit group kFrom to bit kTo (and everything else with it).
template <int kFrom, int kTo>
inline Words words_move_bit(Words w) {
  if constexpr (kFrom < kTo) {
    return words_left<kTo - kFrom>(w);
  } else if constexpr (kFrom > kTo) {
    return words_right<kFrom - kTo>(w);
  } else {
    return w;
  }
}

// Formats of 256 weights a block. kSums: the sums of 256 / kSums products fit 32 bits. kMinGroup:
// weights that share a minimum, or 0; min_pairs: 8 minima from 8 kHalf on as 256 m, m in words, to
// be multiplied with SumPairs.

inline __m256i min_pairs_of(__m256i dwords) {
  return _mm256_or_si256(_mm256_slli_epi32(dwords, 8), _mm256_slli_epi32(dwords, 16));
}

struct Q2K {
  static constexpr int kBytes = sizeof(layout::BlockQ2_K), kSums = 1, kMinGroup = 16;
  static constexpr int kD = 80, kDmin = 82;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Scales scales = scales_16(_mm_and_si128(load_16_bytes(block), _mm_set1_epi8(15)));
    const Words three = words_set(3);
    unroll<0, 2>([&](auto half) HEARTH_INLINE {
      const Words bytes = words_from_bytes(block + 16 + 32 * half.value);
      unroll<0, 4>([&](auto s) HEARTH_INLINE {
        constexpr int kSub = 8 * half.value + 2 * s.value;
        const Words q = words_and(words_right<2 * s.value>(bytes), three);
        f(16 * kSub, 16 * kSub + 16, words_mul(q, scales_two<kSub, kSub + 1>(scales)));
      });
    });
  }
  template <int kHalf>
  static __m256i min_pairs(const uint8_t* block) {
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(block + 8 * kHalf));
    return min_pairs_of(_mm256_srli_epi32(_mm256_cvtepu8_epi32(bytes), 4));
  }
};

struct Q3K {
  static constexpr int kBytes = sizeof(layout::BlockQ3_K), kSums = 1, kMinGroup = 0;
  static constexpr int kD = 108;
  // The 16 scales of the 12 bytes.
  static __m128i scale_bytes(const uint8_t* bytes) {
    const __m128i packed = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes));
    const __m128i low =
        _mm_and_si128(_mm_unpacklo_epi64(packed, _mm_srli_epi16(packed, 4)), _mm_set1_epi8(15));
    const __m128i high = _mm_srlv_epi32(_mm_set1_epi32(static_cast<int>(load_u32(bytes + 8))),
                                        _mm_setr_epi32(0, 2, 4, 6));
    const __m128i top = _mm_slli_epi16(_mm_and_si128(high, _mm_set1_epi8(3)), 4);
    return _mm_sub_epi8(_mm_or_si128(low, top), _mm_set1_epi8(32));
  }
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Scales all = scales_16(scale_bytes(block + 96));
    const Words mask = words_from_bytes(block), three = words_set(3), four = words_set(4);
    unroll<0, 2>([&](auto half) HEARTH_INLINE {
      const Words bytes = words_from_bytes(block + 32 + 32 * half.value);
      unroll<0, 4>([&](auto s) HEARTH_INLINE {
        constexpr int kSub = 8 * half.value + 2 * s.value;
        const Words low = words_and(words_right<2 * s.value>(bytes), three);
        const Words high = words_and(words_move_bit<kSub / 2, 2>(mask), four);
        const Words q = words_sub(words_or(low, high), four);
        f(16 * kSub, 16 * kSub + 16, words_mul(q, scales_two<kSub, kSub + 1>(all)));
      });
    });
  }
};

// The 12 bytes of scales and minima that q4_k and q5_k share; 8 dwords each.
inline __m256i k_scales(const uint8_t* bytes) {
  const uint32_t first = load_u32(bytes), last = load_u32(bytes + 8);
  return _mm256_cvtepu8_epi32(
      _mm_set_epi32(0, 0, static_cast<int>((last & 0x0f0f0f0fu) | ((first >> 2) & 0x30303030u)),
                    static_cast<int>(first & 0x3f3f3f3fu)));
}
inline __m256i k_mins(const uint8_t* bytes) {
  const uint32_t middle = load_u32(bytes + 4), last = load_u32(bytes + 8);
  return _mm256_cvtepu8_epi32(_mm_set_epi32(
      0, 0, static_cast<int>(((last >> 4) & 0x0f0f0f0fu) | ((middle >> 2) & 0x30303030u)),
      static_cast<int>(middle & 0x3f3f3f3fu)));
}

struct Q4K {
  static constexpr int kBytes = sizeof(layout::BlockQ4_K), kSums = 1, kMinGroup = 32;
  static constexpr int kD = 0, kDmin = 2;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Scales scales = scales_8(k_scales(block + 4));
    const Words fifteen = words_set(15);
    unroll<0, 4>([&](auto c) HEARTH_INLINE {
      constexpr int kSub = 2 * c.value;
      const Words bytes = words_from_bytes(block + 16 + 32 * c.value);
      const Words low = words_and(bytes, fifteen), high = words_right<4>(bytes);
      f(32 * kSub, 32 * kSub + 16, words_mul(low, scales_two<kSub, kSub>(scales)));
      f(32 * kSub + 32, 32 * kSub + 48, words_mul(high, scales_two<kSub + 1, kSub + 1>(scales)));
    });
  }
  template <int kHalf>
  static __m256i min_pairs(const uint8_t* block) {
    return min_pairs_of(k_mins(block + 4));
  }
};

struct Q5K {
  static constexpr int kBytes = sizeof(layout::BlockQ5_K), kSums = 2, kMinGroup = 32;
  static constexpr int kD = 0, kDmin = 2;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Scales scales = scales_8(k_scales(block + 4));
    const Words fifth = words_from_bytes(block + 16), fifteen = words_set(15);
    const Words sixteen = words_set(16);
    unroll<0, 4>([&](auto c) HEARTH_INLINE {
      constexpr int kSub = 2 * c.value;
      const Words bytes = words_from_bytes(block + 48 + 32 * c.value);
      const Words low =
          words_or(words_and(bytes, fifteen), words_and(words_move_bit<kSub, 4>(fifth), sixteen));
      const Words high =
          words_or(words_right<4>(bytes), words_and(words_move_bit<kSub + 1, 4>(fifth), sixteen));
      f(32 * kSub, 32 * kSub + 16, words_mul(low, scales_two<kSub, kSub>(scales)));
      f(32 * kSub + 32, 32 * kSub + 48, words_mul(high, scales_two<kSub + 1, kSub + 1>(scales)));
    });
  }
  template <int kHalf>
  static __m256i min_pairs(const uint8_t* block) {
    return min_pairs_of(k_mins(block + 4));
  }
};

struct Q6K {
  static constexpr int kBytes = sizeof(layout::BlockQ6_K), kSums = 4, kMinGroup = 0;
  static constexpr int kD = 208;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Scales scales = scales_16(load_16_bytes(block + 192));
    const Words fifteen = words_set(15), top = words_set(0x30), zero = words_set(32);
    unroll<0, 2>([&](auto half) HEARTH_INLINE {
      constexpr int kSub = 8 * half.value;
      const Words a = words_from_bytes(block + 64 * half.value);
      const Words b = words_from_bytes(block + 64 * half.value + 32);
      const Words high = words_from_bytes(block + 128 + 32 * half.value);
      const auto give = [&](auto quarter, Words low, Words bits) HEARTH_INLINE {
        constexpr int kAt = kSub + 2 * quarter.value;
        const Words q = words_sub(words_or(low, words_and(bits, top)), zero);
        f(16 * kAt, 16 * kAt + 16, words_mul(q, scales_two<kAt, kAt + 1>(scales)));
      };
      give(Constant<0>{}, words_and(a, fifteen), words_left<4>(high));
      give(Constant<1>{}, words_and(b, fifteen), words_left<2>(high));
      give(Constant<2>{}, words_right<4>(a), high);
      give(Constant<3>{}, words_right<4>(b), words_right<2>(high));
    });
  }
};

struct IQ4XS {
  static constexpr int kBytes = sizeof(layout::BlockIQ4_XS), kSums = 4, kMinGroup = 0;
  static constexpr int kD = 0;
  static __m256i scale_dwords(const uint8_t* block) {
    const __m256i index = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const __m256i low = _mm256_srlv_epi32(_mm256_set1_epi32(static_cast<int>(load_u32(block + 4))),
                                          _mm256_slli_epi32(index, 2));
    const __m256i high =
        _mm256_srlv_epi32(_mm256_set1_epi32(load_u16(block + 2)), _mm256_slli_epi32(index, 1));
    const __m256i top = _mm256_slli_epi32(_mm256_and_si256(high, _mm256_set1_epi32(3)), 4);
    return _mm256_sub_epi32(_mm256_or_si256(_mm256_and_si256(low, _mm256_set1_epi32(15)), top),
                            _mm256_set1_epi32(32));
  }
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* block, const F& f) {
    const Scales all = scales_8(scale_dwords(block));
    const Words fifteen = words_set(15);
    unroll<0, 4>([&](auto c) HEARTH_INLINE {
      constexpr int kSub = 2 * c.value, kAt = 64 * c.value;
      const Words bytes = words_from_bytes(block + 8 + 32 * c.value);
      const Words scale = scales_two<kSub, kSub + 1>(all);
      const Words low = words_table(words_and(bytes, fifteen), layout::kIq4Values);
      const Words high = words_table(words_right<4>(bytes), layout::kIq4Values);
      f(kAt, kAt + 32, words_mul(low, scale));
      f(kAt + 16, kAt + 48, words_mul(high, scale));
    });
  }
};

// Formats of 32 weights a block, two blocks at a time: words 0 to 15 of all f belong to the first
// block, words 16 to 31 to the second. kHasMin: a term m beside d. scale(): d as float.

struct HalfScale {
  static constexpr bool kMxScale = false;
};

struct Q4_0 : HalfScale {
  static constexpr int kBytes = sizeof(layout::BlockQ4_0);
  static constexpr bool kHasMin = false;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    const Words bytes = words_from_two(first + 2, second + 2), eight = words_set(8);
    f(0, 32, words_sub(words_and(bytes, words_set(15)), eight));
    f(16, 48, words_sub(words_right<4>(bytes), eight));
  }
};

struct Q4_1 : HalfScale {
  static constexpr int kBytes = sizeof(layout::BlockQ4_1);
  static constexpr bool kHasMin = true;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    const Words bytes = words_from_two(first + 4, second + 4);
    f(0, 32, words_and(bytes, words_set(15)));
    f(16, 48, words_right<4>(bytes));
  }
};

struct Q5_0 : HalfScale {
  static constexpr int kBytes = sizeof(layout::BlockQ5_0);
  static constexpr bool kHasMin = false;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    const Words bytes = words_from_two(first + 6, second + 6), zero = words_set(16);
    const Words low = words_bits(load_u16(first + 2), load_u16(second + 2), 16);
    const Words high = words_bits(load_u16(first + 4), load_u16(second + 4), 16);
    f(0, 32, words_sub(words_or(words_and(bytes, words_set(15)), low), zero));
    f(16, 48, words_sub(words_or(words_right<4>(bytes), high), zero));
  }
};

struct Q5_1 : HalfScale {
  static constexpr int kBytes = sizeof(layout::BlockQ5_1);
  static constexpr bool kHasMin = true;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    const Words bytes = words_from_two(first + 8, second + 8);
    const Words low = words_bits(load_u16(first + 4), load_u16(second + 4), 16);
    const Words high = words_bits(load_u16(first + 6), load_u16(second + 6), 16);
    f(0, 32, words_or(words_and(bytes, words_set(15)), low));
    f(16, 48, words_or(words_right<4>(bytes), high));
  }
};

struct Q8_0 : HalfScale {
  static constexpr int kBytes = sizeof(layout::BlockQ8_0);
  static constexpr bool kHasMin = false;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    f(0, 32, words_from_two_signed(first + 2, second + 2));
    f(16, 48, words_from_two_signed(first + 18, second + 18));
  }
};

struct IQ4NL : HalfScale {
  static constexpr int kBytes = sizeof(layout::BlockIQ4_NL);
  static constexpr bool kHasMin = false;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    const Words bytes = words_from_two(first + 2, second + 2);
    f(0, 32, words_table(words_and(bytes, words_set(15)), layout::kIq4Values));
    f(16, 48, words_table(words_right<4>(bytes), layout::kIq4Values));
  }
};

struct MXFP4 {
  static constexpr int kBytes = sizeof(layout::BlockMXFP4);
  static constexpr bool kHasMin = false, kMxScale = true;
  template <class F>
  HEARTH_INLINE static void visit(const uint8_t* first, const uint8_t* second, const F& f) {
    const Words bytes = words_from_two(first + 1, second + 1);
    f(0, 32, words_table(words_and(bytes, words_set(15)), layout::kFp4DoubledValues));
    f(16, 48, words_table(words_right<4>(bytes), layout::kFp4DoubledValues));
  }
};

}  // namespace
}  // namespace hearth::cpu
