// SPDX-License-Identifier: MIT
// IQ4_NL (w = d * table[q], 32 weights) and IQ4_XS (w = d * (scale - 32) * table[q], 256 weights in
// 8 sub-blocks of 32 with 6-bit scales): 4 bits that choose among 16 uneven steps.
// Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "codec/small_group.h"
#include "codec/super_block.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {
namespace {

using namespace layout;

// 16 bytes to 32 weights: byte j holds weight j low, weight j + 16 high.
void decode_sub_block(const uint8_t* bytes, float scale, float* out) {
  for (int j = 0; j < 16; ++j) {
    out[j] = scale * static_cast<float>(kIq4Values[bytes[j] & 15]);
    out[j + 16] = scale * static_cast<float>(kIq4Values[bytes[j] >> 4]);
  }
}

void pack_sub_block(const uint8_t* codes, uint8_t* bytes) {
  for (int j = 0; j < 16; ++j) bytes[j] = static_cast<uint8_t>(codes[j] | (codes[j + 16] << 4));
}

}  // namespace

void decode_iq4_nl(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockIQ4_NL>(row, b);
    decode_sub_block(block.qs, f32_from_f16(block.d), out);
  }
}

void decode_iq4_xs(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    const auto block = load_block<BlockIQ4_XS>(row, b);
    const float d = f32_from_f16(block.d);
    for (int j = 0; j < 8; ++j, out += 32) {
      const int low = (block.scales_l[j / 2] >> (j % 2 * 4)) & 15;
      const int high = (block.scales_h >> (j * 2)) & 3;
      const float scale = d * static_cast<float>((low | (high << 4)) - 32);
      decode_sub_block(block.qs + j * 16, scale, out);
    }
  }
}

void encode_iq4_nl(const float* in, const float* importance, int64_t n, uint8_t* row) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const Grid grid{std::span(kIq4Values)};
    const Fit fit = fit_scale(grid, group.x, group.w, Storage::kHalf);
    BlockIQ4_NL block{};
    block.d = f16_from_f32(fit.scale);
    pack_sub_block(group.codes(grid, fit).data(), block.qs);
    store_block(block, row, b);
  }
}

void encode_iq4_xs(const float* in, const float* importance, int64_t n, uint8_t* row) {
  std::array<float, kSuperBlock> w;
  for (int64_t b = 0; b < n / kSuperBlock; ++b) {
    effective_importance(importance ? importance + b * kSuperBlock : nullptr, kSuperBlock,
                         w.data());
    const Grid grid{std::span(kIq4Values)};
    const ScaledSuper super = encode_scaled(grid, 32, -32, 31, in + b * kSuperBlock, w.data());
    BlockIQ4_XS block{};
    block.d = f16_from_f32(super.d);
    for (int j = 0; j < 8; ++j) {
      const int code = super.scale[j] + 32;
      block.scales_l[j / 2] |= static_cast<uint8_t>((code & 15) << (j % 2 * 4));
      block.scales_h |= static_cast<uint16_t>(code >> 4 << (j * 2));
      pack_sub_block(super.codes.data() + j * 32, block.qs + j * 16);
    }
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
