// SPDX-License-Identifier: MIT
// Q2_K: 256 weights of 2 bits in 16 sub-blocks of 16, each with a 4-bit scale and a 4-bit minimum:
// w = d * scale * q - dmin * min. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/fit.h"
#include "codec/formats.h"
#include "codec/super_block.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q2_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b, out += kSuperBlock) {
    const auto block = load_block<BlockQ2_K>(row, b);
    const float d = f32_from_f16(block.d);
    const float dmin = f32_from_f16(block.dmin);
    for (int i = 0; i < kSuperBlock; ++i) {
      const uint8_t scale_min = block.scales[i / 16];
      const float scale = d * static_cast<float>(scale_min & 15);
      const float min = dmin * static_cast<float>(scale_min >> 4);
      // Weight i lies in byte i % 32 of its half, two bits per group of 32.
      const int q = (block.qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
      out[i] = scale * static_cast<float>(q) - min;
    }
  }
}

void encode_q2_k(const float* in, const float* importance, int64_t n, uint8_t* row) {
  std::array<float, kSuperBlock> w;
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    effective_importance(importance ? importance + b * kSuperBlock : nullptr, kSuperBlock,
                         w.data());
    const AffineSuper super = encode_affine(3, 16, 15, in + b * kSuperBlock, w.data());
    BlockQ2_K block{};
    block.d = f16_from_f32(super.d);
    block.dmin = f16_from_f32(super.dmin);
    for (int j = 0; j < 16; ++j) {
      block.scales[j] = static_cast<uint8_t>(super.scale[j] | (super.min[j] << 4));
    }
    for (int i = 0; i < kSuperBlock; ++i) {
      block.qs[i / 128 * 32 + i % 32] |= static_cast<uint8_t>(super.codes[i] << (i % 128 / 32 * 2));
    }
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
