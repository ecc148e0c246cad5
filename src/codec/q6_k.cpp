// SPDX-License-Identifier: MIT
// Q6_K: 256 weights of 6 bits in 16 sub-blocks of 16, each with a signed 8-bit scale:
// w = d * scale * (q - 32). Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/fit.h"
#include "codec/formats.h"
#include "codec/super_block.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q6_k(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b, out += kSuperBlock) {
    const auto block = load_block<BlockQ6_K>(row, b);
    const float d = f32_from_f16(block.d);
    for (int i = 0; i < kSuperBlock; ++i) {
      const float scale = d * static_cast<float>(block.scales[i / 16]);
      const int half = i / 128;        // each half has 64 bytes of ql and 32 of qh
      const int group = i % 128 / 32;  // 0 and 1: low nibbles, 2 and 3: high nibbles
      const int low = (block.ql[half * 64 + group % 2 * 32 + i % 32] >> (group / 2 * 4)) & 15;
      const int high = (block.qh[half * 32 + i % 32] >> (group * 2)) & 3;
      out[i] = scale * static_cast<float>((low | (high << 4)) - 32);
    }
  }
}

void encode_q6_k(const float* in, const float* importance, int64_t n, uint8_t* row) {
  std::array<float, kSuperBlock> w;
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    effective_importance(importance ? importance + b * kSuperBlock : nullptr, kSuperBlock,
                         w.data());
    const ScaledSuper super =
        encode_scaled(Grid(-32, 31), 16, -128, 127, in + b * kSuperBlock, w.data());
    BlockQ6_K block{};
    block.d = f16_from_f32(super.d);
    for (int j = 0; j < 16; ++j) block.scales[j] = static_cast<int8_t>(super.scale[j]);
    for (int i = 0; i < kSuperBlock; ++i) {
      const int half = i / 128;
      const int group = i % 128 / 32;
      const int code = super.codes[i];
      block.ql[half * 64 + group % 2 * 32 + i % 32] |=
          static_cast<uint8_t>((code & 15) << (group / 2 * 4));
      block.qh[half * 32 + i % 32] |= static_cast<uint8_t>(code >> 4 << (group * 2));
    }
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
