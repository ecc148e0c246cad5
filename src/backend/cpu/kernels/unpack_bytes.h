// SPDX-License-Identifier: MIT
// Every quantized weight format as signed bytes (q - zero) with float scales, for the products with
// ByteBlocks. A super-block format unpacks 256 weights, the others 32. kGroup: weights that share a
// scale; kMinGroup: weights that share a minimum, or 0; d, m: one float a group, as kernels/table.h
// defines them. kLow, kHigh: the least and the largest value; kWide: beyond 6 bits and sign.
// Included after unpack.h; 256-bit registers serve all instruction sets, since unpacking is a small
// part of a long product.
#pragma once
#include "backend/cpu/kernels/unpack.h"

namespace hearth::cpu {
namespace {

inline __m256i bytes_32(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void put_bytes(int8_t* q, __m256i bytes) {
  _mm256_store_si256(reinterpret_cast<__m256i*>(q), bytes);
}
inline __m256i set_bytes(int value) { return _mm256_set1_epi8(static_cast<char>(value)); }
// Bit groups moved within bytes; the mask drops what came from a neighbour.
template <int kFrom, int kTo>
inline __m256i move_bits(__m256i bytes, __m256i mask) {
  if constexpr (kFrom > kTo) {
    return _mm256_and_si256(_mm256_srli_epi16(bytes, kFrom - kTo), mask);
  } else {
    return _mm256_and_si256(_mm256_slli_epi16(bytes, kTo - kFrom), mask);
  }
}
inline __m256i low_nibbles(__m256i bytes) { return _mm256_and_si256(bytes, set_bytes(15)); }
inline __m256i high_nibbles(__m256i bytes) { return move_bits<4, 0>(bytes, set_bytes(15)); }
// 16 bytes of nibbles as 32: low ones first.
inline __m256i split_nibbles(const uint8_t* p) {
  const __m128i bytes = load_16_bytes(p);
  return low_nibbles(_mm256_set_m128i(_mm_srli_epi16(bytes, 4), bytes));
}
inline __m256i table_bytes(__m256i index, const int8_t* table) {
  const __m128i values = load_16_bytes(reinterpret_cast<const uint8_t*>(table));
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(values), index);
}
inline float half_at(const uint8_t* p) { return _cvtsh_ss(load_u16(p)); }
inline void put_scales(float* d, float factor, __m256i scales) {
  _mm256_storeu_ps(d, _mm256_mul_ps(_mm256_set1_ps(factor), _mm256_cvtepi32_ps(scales)));
}
// 16 signed bytes.
inline void put_scales_16(float* d, float factor, __m128i scales) {
  put_scales(d, factor, _mm256_cvtepi8_epi32(scales));
  put_scales(d + 8, factor, _mm256_cvtepi8_epi32(_mm_srli_si128(scales, 8)));
}

struct Q2KBytes {
  static constexpr int kBytes = Q2K::kBytes, kGroup = 16, kMinGroup = 16;
  static constexpr int kLow = 0, kHigh = 3;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float* m) {
    const __m128i scales = load_16_bytes(block);
    put_scales_16(d, half_at(block + Q2K::kD), _mm_and_si128(scales, _mm_set1_epi8(15)));
    put_scales_16(m, -half_at(block + Q2K::kDmin),
                  _mm_and_si128(_mm_srli_epi16(scales, 4), _mm_set1_epi8(15)));
    const __m256i three = set_bytes(3);
    unroll<0, 2>([&](auto half) HEARTH_INLINE {
      const __m256i bytes = bytes_32(block + 16 + 32 * half.value);
      unroll<0, 4>([&](auto s) HEARTH_INLINE {
        put_bytes(q + 128 * half.value + 32 * s.value, move_bits<2 * s.value, 0>(bytes, three));
      });
    });
  }
};

struct Q3KBytes {
  static constexpr int kBytes = Q3K::kBytes, kGroup = 16, kMinGroup = 0;
  static constexpr int kLow = -4, kHigh = 3;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    put_scales_16(d, half_at(block + Q3K::kD), Q3K::scale_bytes(block + 96));
    const __m256i mask = bytes_32(block), three = set_bytes(3), four = set_bytes(4);
    unroll<0, 2>([&](auto half) HEARTH_INLINE {
      const __m256i bytes = bytes_32(block + 32 + 32 * half.value);
      unroll<0, 4>([&](auto s) HEARTH_INLINE {
        const __m256i low = move_bits<2 * s.value, 0>(bytes, three);
        const __m256i high = move_bits<4 * half.value + s.value, 2>(mask, four);
        put_bytes(q + 128 * half.value + 32 * s.value,
                  _mm256_sub_epi8(_mm256_or_si256(low, high), four));
      });
    });
  }
};

struct Q4KBytes {
  static constexpr int kBytes = Q4K::kBytes, kGroup = 32, kMinGroup = 32;
  static constexpr int kLow = 0, kHigh = 15;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float* m) {
    put_scales(d, half_at(block + Q4K::kD), k_scales(block + 4));
    put_scales(m, -half_at(block + Q4K::kDmin), k_mins(block + 4));
    for (int c = 0; c < 4; ++c) {
      const __m256i bytes = bytes_32(block + 16 + 32 * c);
      put_bytes(q + 64 * c, low_nibbles(bytes));
      put_bytes(q + 64 * c + 32, high_nibbles(bytes));
    }
  }
};

struct Q5KBytes {
  static constexpr int kBytes = Q5K::kBytes, kGroup = 32, kMinGroup = 32;
  static constexpr int kLow = 0, kHigh = 31;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float* m) {
    put_scales(d, half_at(block + Q5K::kD), k_scales(block + 4));
    put_scales(m, -half_at(block + Q5K::kDmin), k_mins(block + 4));
    const __m256i fifth = bytes_32(block + 16), sixteen = set_bytes(16);
    unroll<0, 4>([&](auto c) HEARTH_INLINE {
      const __m256i bytes = bytes_32(block + 48 + 32 * c.value);
      put_bytes(q + 64 * c.value,
                _mm256_or_si256(low_nibbles(bytes), move_bits<2 * c.value, 4>(fifth, sixteen)));
      put_bytes(
          q + 64 * c.value + 32,
          _mm256_or_si256(high_nibbles(bytes), move_bits<2 * c.value + 1, 4>(fifth, sixteen)));
    });
  }
};

struct Q6KBytes {
  static constexpr int kBytes = Q6K::kBytes, kGroup = 16, kMinGroup = 0;
  static constexpr int kLow = -32, kHigh = 31;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    put_scales_16(d, half_at(block + Q6K::kD), load_16_bytes(block + 192));
    const __m256i top = set_bytes(0x30), zero = set_bytes(32);
    for (int half = 0; half < 2; ++half) {
      const __m256i a = bytes_32(block + 64 * half), b = bytes_32(block + 64 * half + 32);
      const __m256i high = bytes_32(block + 128 + 32 * half);
      const auto put = [&](int quarter, __m256i low, __m256i bits) HEARTH_INLINE {
        put_bytes(q + 128 * half + 32 * quarter, _mm256_sub_epi8(_mm256_or_si256(low, bits), zero));
      };
      put(0, low_nibbles(a), move_bits<0, 4>(high, top));
      put(1, low_nibbles(b), move_bits<2, 4>(high, top));
      put(2, high_nibbles(a), move_bits<4, 4>(high, top));
      put(3, high_nibbles(b), move_bits<6, 4>(high, top));
    }
  }
};

struct IQ4XSBytes {
  static constexpr int kBytes = IQ4XS::kBytes, kGroup = 32, kMinGroup = 0;
  static constexpr int kLow = -127, kHigh = 113;
  static constexpr bool kWide = true;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    put_scales(d, half_at(block + IQ4XS::kD), IQ4XS::scale_dwords(block));
    for (int c = 0; c < 4; ++c) {
      const __m256i bytes = bytes_32(block + 8 + 32 * c);
      const __m256i low = table_bytes(low_nibbles(bytes), layout::kIq4Values);
      const __m256i high = table_bytes(high_nibbles(bytes), layout::kIq4Values);
      put_bytes(q + 64 * c, _mm256_permute2x128_si256(low, high, 0x20));
      put_bytes(q + 64 * c + 32, _mm256_permute2x128_si256(low, high, 0x31));
    }
  }
};

// Formats of 32 weights a block.

struct Q4_0Bytes {
  static constexpr int kBytes = Q4_0::kBytes, kGroup = 32, kMinGroup = 0;
  static constexpr int kLow = -8, kHigh = 7;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    *d = half_at(block);
    put_bytes(q, _mm256_sub_epi8(split_nibbles(block + 2), set_bytes(8)));
  }
};

struct Q4_1Bytes {
  static constexpr int kBytes = Q4_1::kBytes, kGroup = 32, kMinGroup = 32;
  static constexpr int kLow = 0, kHigh = 15;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float* m) {
    *d = half_at(block);
    *m = half_at(block + 2);
    put_bytes(q, split_nibbles(block + 4));
  }
};

// 16 in each byte whose bit of the 32 is set.
inline __m256i fifth_bits(uint32_t bits) {
  const __m256i each =
      _mm256_shuffle_epi8(_mm256_set1_epi32(static_cast<int>(bits)),
                          _mm256_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
                                           2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3));
  const __m256i bit = _mm256_set1_epi64x(static_cast<int64_t>(0x8040201008040201u));
  return _mm256_and_si256(_mm256_cmpeq_epi8(_mm256_and_si256(each, bit), bit), set_bytes(16));
}

struct Q5_0Bytes {
  static constexpr int kBytes = Q5_0::kBytes, kGroup = 32, kMinGroup = 0;
  static constexpr int kLow = -16, kHigh = 15;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    *d = half_at(block);
    const __m256i codes =
        _mm256_or_si256(split_nibbles(block + 6), fifth_bits(load_u32(block + 2)));
    put_bytes(q, _mm256_sub_epi8(codes, set_bytes(16)));
  }
};

struct Q5_1Bytes {
  static constexpr int kBytes = Q5_1::kBytes, kGroup = 32, kMinGroup = 32;
  static constexpr int kLow = 0, kHigh = 31;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float* m) {
    *d = half_at(block);
    *m = half_at(block + 2);
    put_bytes(q, _mm256_or_si256(split_nibbles(block + 8), fifth_bits(load_u32(block + 4))));
  }
};

struct Q8_0Bytes {
  static constexpr int kBytes = Q8_0::kBytes, kGroup = 32, kMinGroup = 0;
  static constexpr int kLow = -128, kHigh = 127;
  static constexpr bool kWide = true;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    *d = half_at(block);
    put_bytes(q, bytes_32(block + 2));
  }
};

struct IQ4NLBytes {
  static constexpr int kBytes = IQ4NL::kBytes, kGroup = 32, kMinGroup = 0;
  static constexpr int kLow = -127, kHigh = 113;
  static constexpr bool kWide = true;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    *d = half_at(block);
    put_bytes(q, table_bytes(split_nibbles(block + 2), layout::kIq4Values));
  }
};

struct MXFP4Bytes {
  static constexpr int kBytes = MXFP4::kBytes, kGroup = 32, kMinGroup = 0;
  static constexpr int kLow = -12, kHigh = 12;
  static constexpr bool kWide = false;
  static void unpack(const uint8_t* block, int8_t* q, float* d, float*) {
    *d = mxfp4_scale(block[0]);
    put_bytes(q, table_bytes(split_nibbles(block + 1), layout::kFp4DoubledValues));
  }
};

// A format of 32 weights as one of 256; blocks past n_groups are 0.
template <class Format>
struct EightBlocks {
  static constexpr int kBytes = 8 * Format::kBytes, kGroup = 32, kMinGroup = Format::kMinGroup;
  static constexpr int kLow = Format::kLow, kHigh = Format::kHigh;
  static constexpr bool kWide = Format::kWide;
  static void unpack(const uint8_t* blocks, int n_groups, int8_t* q, float* d, float* m) {
    for (int g = 0; g < 8; ++g) {
      if (g < n_groups) {
        Format::unpack(blocks + g * Format::kBytes, q + 32 * g, d + g, m + g);
      } else {
        put_bytes(q + 32 * g, _mm256_setzero_si256());
        d[g] = m[g] = 0.0f;
      }
    }
  }
};
// A super-block format with the same signature.
template <class Format>
struct OneBlock : Format {
  static void unpack(const uint8_t* block, int, int8_t* q, float* d, float* m) {
    Format::unpack(block, q, d, m);
  }
};

}  // namespace
}  // namespace hearth::cpu
