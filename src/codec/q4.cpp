// SPDX-License-Identifier: MIT
// Q4_0 (w = d * (q - 8)) and Q4_1 (w = d * q + m): 32 weights of 4 bits, one binary16 scale.
// Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/small_group.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

namespace {

void pack(const SmallGroup& group, const Grid& grid, const Fit& fit, uint8_t (&qs)[16]) {
  const std::array<uint8_t, kSmallBlock> codes = group.codes(grid, fit);
  for (int j = 0; j < 16; ++j) qs[j] = static_cast<uint8_t>(codes[j] | (codes[j + 16] << 4));
}

}  // namespace

void decode_q4_0(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ4_0>(row, b);
    const float d = f32_from_f16(block.d);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>((block.qs[j] & 15) - 8);
      out[j + 16] = d * static_cast<float>((block.qs[j] >> 4) - 8);
    }
  }
}

void decode_q4_1(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ4_1>(row, b);
    const float d = f32_from_f16(block.d);
    const float m = f32_from_f16(block.m);
    for (int j = 0; j < 16; ++j) {
      out[j] = d * static_cast<float>(block.qs[j] & 15) + m;
      out[j + 16] = d * static_cast<float>(block.qs[j] >> 4) + m;
    }
  }
}

void encode_q4_0(const float* in, const float* importance, int64_t n, uint8_t* row) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const Grid grid(-8, 7);
    const Fit fit = fit_scale(grid, group.x, group.w, Storage::kHalf);
    BlockQ4_0 block{};
    block.d = f16_from_f32(fit.scale);
    pack(group, grid, fit, block.qs);
    store_block(block, row, b);
  }
}

void encode_q4_1(const float* in, const float* importance, int64_t n, uint8_t* row) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const Fit fit = fit_affine(15, group.x, group.w, Storage::kHalf, kMaxWeight);
    BlockQ4_1 block{};
    block.d = f16_from_f32(fit.scale);
    block.m = f16_from_f32(fit.offset);
    pack(group, Grid(0, 15), fit, block.qs);
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
