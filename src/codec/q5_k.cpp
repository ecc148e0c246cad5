// SPDX-License-Identifier: MIT
// Q5_K: 256 weights of 5 bits in 8 sub-blocks of 32, each with a 6-bit scale and a 6-bit minimum:
// w = d * scale * q - dmin * min. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/fit.h"
#include "codec/formats.h"
#include "codec/packed_scales.h"
#include "codec/super_block.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q5_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    const auto block = load_block<BlockQ5_K>(row, b);
    const float d = f32_from_f16(block.d);
    const float dmin = f32_from_f16(block.dmin);
    for (int j = 0; j < 8; ++j, out += 32) {
      const ScaleMin pair = unpack_scale_min(block.scales, j);
      const float scale = d * static_cast<float>(pair.scale);
      const float min = dmin * static_cast<float>(pair.min);
      const uint8_t* bytes = block.qs + j / 2 * 32;
      for (int i = 0; i < 32; ++i) {
        const int low = (bytes[i] >> (j % 2 * 4)) & 15;
        const int high = (block.qh[i] >> j) & 1;
        out[i] = scale * static_cast<float>(low | (high << 4)) - min;
      }
    }
  }
}

void encode_q5_k(const float* in, const float* importance, int64_t n, uint8_t* row) {
  std::array<float, kSuperBlock> w;
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    effective_importance(importance ? importance + b * kSuperBlock : nullptr, kSuperBlock,
                         w.data());
    const AffineSuper super = encode_affine(31, 32, 63, in + b * kSuperBlock, w.data());
    BlockQ5_K block{};
    block.d = f16_from_f32(super.d);
    block.dmin = f16_from_f32(super.dmin);
    for (int j = 0; j < 8; ++j) {
      pack_scale_min({super.scale[j], super.min[j]}, block.scales, j);
      for (int i = 0; i < 32; ++i) {
        const int code = super.codes[j * 32 + i];
        block.qs[j / 2 * 32 + i] |= static_cast<uint8_t>((code & 15) << (j % 2 * 4));
        block.qh[i] |= static_cast<uint8_t>(code >> 4 << j);
      }
    }
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
