// SPDX-License-Identifier: MIT
// Every quantized weight format as integers, in portable C++: 256 weights and their integer scales
// (super-blocks) or 32 weights (one-level blocks), and the float scales beside them.
// In: block bytes of any alignment. Out: weight = d * scale * q - dmin * min, or d * w + m.
// Source: tensor/layout/blocks.h; the arithmetic that uses them stands in kernels/table.h.
#pragma once
#include "backend/cpu/kernels/half.base.h"
#include "tensor/layout/blocks.h"

namespace hearth::cpu {
namespace {

using namespace hearth::layout;

// 6-bit scales and minima of q4_k and q5_k from their 12 bytes.
inline void unpack_scales_min_k(const uint8_t* bytes, uint8_t scales[8], uint8_t mins[8]) {
  for (int j = 0; j < 4; ++j) {
    scales[j] = bytes[j] & 63;
    mins[j] = bytes[j + 4] & 63;
    scales[j + 4] = static_cast<uint8_t>((bytes[j + 8] & 15) | ((bytes[j] >> 6) << 4));
    mins[j + 4] = static_cast<uint8_t>((bytes[j + 8] >> 4) | ((bytes[j + 4] >> 6) << 4));
  }
}

// A super-block: q without its zero point; scales and minima: one per 16 weights. kGroup: how many
// weights share a scale (and a minimum); kHasMin says whether the format has minima.
struct SuperUnpacked {
  int8_t q[256];
  int16_t scales[16];
  uint8_t mins[16];
  float d, dmin;
};

struct SuperQ2K {
  using Block = BlockQ2_K;
  static constexpr int kGroup = 16;
  static constexpr bool kHasMin = true;
  static void unpack(const uint8_t* bytes, SuperUnpacked& out) {
    Block block;
    __builtin_memcpy(&block, bytes, sizeof(block));
    out.d = f32_from_f16(block.d);
    out.dmin = f32_from_f16(block.dmin);
    for (int j = 0; j < 16; ++j) out.mins[j] = block.scales[j] >> 4;
    for (int j = 0; j < 16; ++j) {
      const uint8_t* qs = block.qs + j / 8 * 32 + j % 2 * 16;
      out.scales[j] = block.scales[j] & 15;
      const int shift = j % 8 / 2 * 2;
      for (int i = 0; i < 16; ++i) out.q[16 * j + i] = (qs[i] >> shift) & 3;
    }
  }
};

struct SuperQ3K {
  using Block = BlockQ3_K;
  static constexpr int kGroup = 16;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, SuperUnpacked& out) {
    Block block;
    __builtin_memcpy(&block, bytes, sizeof(block));
    out.d = f32_from_f16(block.d);
    for (int j = 0; j < 16; ++j) {
      const int low = j < 8 ? block.scales[j] & 15 : block.scales[j - 8] >> 4;
      const int high = (block.scales[8 + j % 4] >> (j / 4 * 2)) & 3;
      out.scales[j] = static_cast<int16_t>((low | (high << 4)) - 32);
    }
    for (int j = 0; j < 16; ++j) {
      const uint8_t* qs = block.qs + j / 8 * 32 + j % 2 * 16;
      const uint8_t* mask = block.hmask + j % 2 * 16;
      for (int i = 0; i < 16; ++i) {
        const int low = (qs[i] >> (j % 8 / 2 * 2)) & 3, high = (mask[i] >> (j / 2)) & 1;
        out.q[16 * j + i] = static_cast<int8_t>(low + 4 * high - 4);
      }
    }
  }
};

struct SuperQ4K {
  using Block = BlockQ4_K;
  static constexpr int kGroup = 32;
  static constexpr bool kHasMin = true;
  static void unpack(const uint8_t* bytes, SuperUnpacked& out) {
    Block block;
    __builtin_memcpy(&block, bytes, sizeof(block));
    out.d = f32_from_f16(block.d);
    out.dmin = f32_from_f16(block.dmin);
    uint8_t scales[8], mins[8];
    unpack_scales_min_k(block.scales, scales, mins);
    for (int j = 0; j < 16; ++j) {
      out.scales[j] = scales[j / 2];
      out.mins[j] = mins[j / 2];
    }
    for (int j = 0; j < 8; ++j) {
      const uint8_t* qs = block.qs + j / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        out.q[32 * j + i] = (qs[i] >> (j % 2 * 4)) & 15;
      }
    }
  }
};

struct SuperQ5K {
  using Block = BlockQ5_K;
  static constexpr int kGroup = 32;
  static constexpr bool kHasMin = true;
  static void unpack(const uint8_t* bytes, SuperUnpacked& out) {
    Block block;
    __builtin_memcpy(&block, bytes, sizeof(block));
    out.d = f32_from_f16(block.d);
    out.dmin = f32_from_f16(block.dmin);
    uint8_t scales[8], mins[8];
    unpack_scales_min_k(block.scales, scales, mins);
    for (int j = 0; j < 16; ++j) {
      out.scales[j] = scales[j / 2];
      out.mins[j] = mins[j / 2];
    }
    for (int j = 0; j < 8; ++j) {
      const uint8_t* qs = block.qs + j / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        const int low = (qs[i] >> (j % 2 * 4)) & 15, high = (block.qh[i] >> j) & 1;
        out.q[32 * j + i] = static_cast<int8_t>(low + 16 * high);
      }
    }
  }
};

struct SuperQ6K {
  using Block = BlockQ6_K;
  static constexpr int kGroup = 16;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, SuperUnpacked& out) {
    Block block;
    __builtin_memcpy(&block, bytes, sizeof(block));
    out.d = f32_from_f16(block.d);
    for (int j = 0; j < 16; ++j) {
      out.scales[j] = block.scales[j];
      const int half = j / 8, quarter = j % 8 / 2, at = j % 2 * 16;
      const uint8_t* ql = block.ql + half * 64 + quarter % 2 * 32 + at;
      const uint8_t* qh = block.qh + half * 32 + at;
      for (int i = 0; i < 16; ++i) {
        const int low = (ql[i] >> (quarter / 2 * 4)) & 15, high = (qh[i] >> (quarter * 2)) & 3;
        out.q[16 * j + i] = static_cast<int8_t>(low + 16 * high - 32);
      }
    }
  }
};

struct SuperIQ4XS {
  using Block = BlockIQ4_XS;
  static constexpr int kGroup = 32;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, SuperUnpacked& out) {
    Block block;
    __builtin_memcpy(&block, bytes, sizeof(block));
    out.d = f32_from_f16(block.d);
    for (int j = 0; j < 8; ++j) {
      const int low = (block.scales_l[j / 2] >> (j % 2 * 4)) & 15;
      const int high = (block.scales_h >> (2 * j)) & 3;
      out.scales[2 * j] = out.scales[2 * j + 1] = static_cast<int16_t>((low | (high << 4)) - 32);
      for (int i = 0; i < 16; ++i) {
        const uint8_t byte = block.qs[16 * j + i];
        out.q[32 * j + i] = kIq4Values[byte & 15];
        out.q[32 * j + i + 16] = kIq4Values[byte >> 4];
      }
    }
  }
};

// A block of 32: weight = d * w + m; kHasMin says whether the format has m.
struct GroupUnpacked {
  int16_t w[32];
  float d, m;
};

struct GroupQ4_0 {
  using Block = BlockQ4_0;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = f32_from_f16(load_u16(bytes));
    for (int i = 0; i < 16; ++i) {
      out.w[i] = static_cast<int16_t>((bytes[2 + i] & 15) - 8);
      out.w[i + 16] = static_cast<int16_t>((bytes[2 + i] >> 4) - 8);
    }
  }
};

struct GroupQ4_1 {
  using Block = BlockQ4_1;
  static constexpr bool kHasMin = true;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = f32_from_f16(load_u16(bytes));
    out.m = f32_from_f16(load_u16(bytes + 2));
    for (int i = 0; i < 16; ++i) {
      out.w[i] = bytes[4 + i] & 15;
      out.w[i + 16] = bytes[4 + i] >> 4;
    }
  }
};

// The 32 five-bit codes of q5_0 and q5_1: four bytes of fifth bits, then 16 of nibbles.
inline void unpack_five_bits(const uint8_t* qh, int zero, int16_t w[32]) {
  for (int i = 0; i < 16; ++i) {
    const int high = ((qh[i / 8] >> (i % 8)) & 1) << 4;
    const int high16 = ((qh[2 + i / 8] >> (i % 8)) & 1) << 4;
    w[i] = static_cast<int16_t>(((qh[4 + i] & 15) | high) - zero);
    w[i + 16] = static_cast<int16_t>(((qh[4 + i] >> 4) | high16) - zero);
  }
}

struct GroupQ5_0 {
  using Block = BlockQ5_0;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = f32_from_f16(load_u16(bytes));
    unpack_five_bits(bytes + 2, 16, out.w);
  }
};

struct GroupQ5_1 {
  using Block = BlockQ5_1;
  static constexpr bool kHasMin = true;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = f32_from_f16(load_u16(bytes));
    out.m = f32_from_f16(load_u16(bytes + 2));
    unpack_five_bits(bytes + 4, 0, out.w);
  }
};

struct GroupQ8_0 {
  using Block = BlockQ8_0;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = f32_from_f16(load_u16(bytes));
    for (int i = 0; i < 32; ++i) out.w[i] = static_cast<int8_t>(bytes[2 + i]);
  }
};

struct GroupIQ4NL {
  using Block = BlockIQ4_NL;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = f32_from_f16(load_u16(bytes));
    for (int i = 0; i < 16; ++i) {
      out.w[i] = kIq4Values[bytes[2 + i] & 15];
      out.w[i + 16] = kIq4Values[bytes[2 + i] >> 4];
    }
  }
};

struct GroupMXFP4 {
  using Block = BlockMXFP4;
  static constexpr bool kHasMin = false;
  static void unpack(const uint8_t* bytes, GroupUnpacked& out) {
    out.d = mxfp4_scale(bytes[0]);
    for (int i = 0; i < 16; ++i) {
      out.w[i] = kFp4DoubledValues[bytes[1 + i] & 15];
      out.w[i + 16] = kFp4DoubledValues[bytes[1 + i] >> 4];
    }
  }
};

}  // namespace
}  // namespace hearth::cpu
