// SPDX-License-Identifier: MIT
// Q5_0 (w = d * (q - 16)) and Q5_1 (w = d * q + m): 32 weights of 5 bits, the fifth bits apart in
// one 32-bit word. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/codec.h"
#include "codec/formats.h"
#include "codec/small_group.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {
namespace {

using namespace layout;

// The code of weight `j`: bits 0-3 from the nibbles, bit 4 from qh.
template <class Block>
int code(const Block& block, int j) {
  const int low = j < 16 ? block.qs[j] & 15 : block.qs[j - 16] >> 4;
  const int high = (block.qh[j / 8] >> (j % 8)) & 1;
  return low | (high << 4);
}

// Sets the codes in a block whose qs and qh are zeros.
template <class Block>
void pack(const std::array<uint8_t, kSmallBlock>& codes, Block& block) {
  for (int j = 0; j < kSmallBlock; ++j) {
    block.qs[j % 16] |= static_cast<uint8_t>((codes[j] & 15) << (j / 16 * 4));
    block.qh[j / 8] |= static_cast<uint8_t>(codes[j] >> 4 << (j % 8));
  }
}

}  // namespace

void decode_q5_0(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ5_0>(row, b);
    const float d = f32_from_f16(block.d);
    for (int j = 0; j < kSmallBlock; ++j) out[j] = d * static_cast<float>(code(block, j) - 16);
  }
}

void decode_q5_1(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ5_1>(row, b);
    const float d = f32_from_f16(block.d);
    const float m = f32_from_f16(block.m);
    for (int j = 0; j < kSmallBlock; ++j) out[j] = d * static_cast<float>(code(block, j)) + m;
  }
}

void encode_q5_0(const float* in, const float* importance, int64_t n, uint8_t* row) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const Grid grid(-16, 15);
    const Fit fit = fit_scale(grid, group.x, group.w, Storage::kHalf);
    BlockQ5_0 block{};
    block.d = f16_from_f32(fit.scale);
    pack(group.codes(grid, fit), block);
    store_block(block, row, b);
  }
}

void encode_q5_1(const float* in, const float* importance, int64_t n, uint8_t* row) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const Fit fit = fit_affine(31, group.x, group.w, Storage::kHalf, kMaxWeight);
    BlockQ5_1 block{};
    block.d = f16_from_f32(fit.scale);
    block.m = f16_from_f32(fit.offset);
    pack(group.codes(Grid(0, 31), fit), block);
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
