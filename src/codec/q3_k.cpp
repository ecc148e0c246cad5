// SPDX-License-Identifier: MIT
// Q3_K: 256 weights of 3 bits in 16 sub-blocks of 16, each with a 6-bit scale:
// w = d * (scale - 32) * (q - 4). Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/fit.h"
#include "codec/formats.h"
#include "codec/super_block.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {
namespace {

using namespace layout;

// Low four bits of scale j: nibble j / 8 of byte j % 8. High two: bits 2 (j / 4) of byte 8 + j % 4.
int scale_code(const BlockQ3_K& block, int j) {
  const int low = (block.scales[j % 8] >> (j / 8 * 4)) & 15;
  const int high = (block.scales[8 + j % 4] >> (j / 4 * 2)) & 3;
  return low | (high << 4);
}

// Sets scale j in a block whose scales are zeros.
void set_scale_code(int code, int j, BlockQ3_K& block) {
  block.scales[j % 8] |= static_cast<uint8_t>((code & 15) << (j / 8 * 4));
  block.scales[8 + j % 4] |= static_cast<uint8_t>(code >> 4 << (j / 4 * 2));
}

}  // namespace

void decode_q3_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b, out += kSuperBlock) {
    const auto block = load_block<BlockQ3_K>(row, b);
    const float d = f32_from_f16(block.d);
    for (int i = 0; i < kSuperBlock; ++i) {
      const float scale = d * static_cast<float>(scale_code(block, i / 16) - 32);
      const int low = (block.qs[i / 128 * 32 + i % 32] >> (i % 128 / 32 * 2)) & 3;
      const int high = (block.hmask[i % 32] >> (i / 32)) & 1;
      out[i] = scale * static_cast<float>((low | (high << 2)) - 4);
    }
  }
}

void encode_q3_k(const float* in, const float* importance, int64_t n, uint8_t* row) {
  std::array<float, kSuperBlock> w;
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    effective_importance(importance ? importance + b * kSuperBlock : nullptr, kSuperBlock,
                         w.data());
    const ScaledSuper super =
        encode_scaled(Grid(-4, 3), 16, -32, 31, in + b * kSuperBlock, w.data());
    BlockQ3_K block{};
    block.d = f16_from_f32(super.d);
    for (int j = 0; j < 16; ++j) set_scale_code(super.scale[j] + 32, j, block);
    for (int i = 0; i < kSuperBlock; ++i) {
      const int code = super.codes[i];
      block.qs[i / 128 * 32 + i % 32] |= static_cast<uint8_t>((code & 3) << (i % 128 / 32 * 2));
      block.hmask[i % 32] |= static_cast<uint8_t>(code >> 2 << (i / 32));
    }
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
