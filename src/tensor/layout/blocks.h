// SPDX-License-Identifier: MIT
// The byte layouts of quantized weight blocks, exactly as they lie in a GGUF file, little endian.
// `d` fields are IEEE binary16 bits. Meaning and bit order of every field: docs/formats/weights.md.
// Plain structs for kernels: this header includes nothing but <stdint.h>.
// Source: the GGUF specification and the published descriptions of the k-quants (pull request
// 1684), iq4 (5590, 5747) and OCP Microscaling Formats v1.0 (mxfp4).
#pragma once
#include <stdint.h>

namespace hearth::layout {

inline constexpr int kSmallBlock = 32;   // weights in a block of the one-level formats
inline constexpr int kSuperBlock = 256;  // weights in a super-block of the k-quants

// w = d * (q - 8); byte j: low nibble = weight j, high nibble = weight j + 16.
struct BlockQ4_0 {
  uint16_t d;
  uint8_t qs[16];
};
// w = d * q + m; nibbles as in q4_0.
struct BlockQ4_1 {
  uint16_t d, m;
  uint8_t qs[16];
};
// w = d * (q - 16); bit j of qh is the fifth bit of weight j.
struct BlockQ5_0 {
  uint16_t d;
  uint8_t qh[4];
  uint8_t qs[16];
};
// w = d * q + m; fifth bits as in q5_0.
struct BlockQ5_1 {
  uint16_t d, m;
  uint8_t qh[4];
  uint8_t qs[16];
};
// w = d * q.
struct BlockQ8_0 {
  uint16_t d;
  int8_t qs[32];
};

// 16 sub-blocks of 16: w = d * (scales & 15) * q - dmin * (scales >> 4), q of 2 bits.
struct BlockQ2_K {
  uint8_t scales[16];
  uint8_t qs[64];
  uint16_t d, dmin;
};
// 16 sub-blocks of 16: w = d * (scale6 - 32) * (q - 4), q of 2 bits in qs and the third in hmask.
struct BlockQ3_K {
  uint8_t hmask[32];
  uint8_t qs[64];
  uint8_t scales[12];
  uint16_t d;
};
// 8 sub-blocks of 32: w = d * scale6 * q - dmin * min6, q of 4 bits.
struct BlockQ4_K {
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qs[128];
};
// As q4_k with a fifth bit in qh.
struct BlockQ5_K {
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t qh[32];
  uint8_t qs[128];
};
// 16 sub-blocks of 16: w = d * scale8 * (q - 32), q of 4 bits in ql and 2 in qh.
struct BlockQ6_K {
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};

// w = d * table[q], 16 fixed values.
struct BlockIQ4_NL {
  uint16_t d;
  uint8_t qs[16];
};
// 8 sub-blocks of 32: w = d * (scale6 - 32) * table[q].
struct BlockIQ4_XS {
  uint16_t d;
  uint16_t scales_h;
  uint8_t scales_l[4];
  uint8_t qs[128];
};
// w = 2^(e - 127) * fp4[q], FP4 of the E2M1 kind.
struct BlockMXFP4 {
  uint8_t e;
  uint8_t qs[16];
};

static_assert(sizeof(BlockQ4_0) == 18 && sizeof(BlockQ4_1) == 20);
static_assert(sizeof(BlockQ5_0) == 22 && sizeof(BlockQ5_1) == 24 && sizeof(BlockQ8_0) == 34);
static_assert(sizeof(BlockQ2_K) == 84 && sizeof(BlockQ3_K) == 110 && sizeof(BlockQ4_K) == 144);
static_assert(sizeof(BlockQ5_K) == 176 && sizeof(BlockQ6_K) == 210);
static_assert(sizeof(BlockIQ4_NL) == 18 && sizeof(BlockIQ4_XS) == 136 && sizeof(BlockMXFP4) == 17);

// The 16 values of iq4_nl and iq4_xs. (Not inline: a kernel object may share nothing, see
// scripts/check_kernel_symbols.)
constexpr int8_t kIq4Values[16] = {-127, -104, -83, -65, -49, -35, -22, -10,
                                   1,    13,   25,  38,  53,  69,  89,  113};
// The 16 values of FP4 E2M1, doubled so that they are whole numbers.
constexpr int8_t kFp4DoubledValues[16] = {0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12};

}  // namespace hearth::layout
