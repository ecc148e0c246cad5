// SPDX-License-Identifier: MIT
// Q8_0: 32 weights of 8 bits, w = d * q. Source: docs/formats/weights.md.
#include "base/half.h"
#include "codec/formats.h"
#include "codec/small_group.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

using namespace layout;

void decode_q8_0(const uint8_t* row, int64_t n, float* out) {
  for (int64_t b = 0; b < n / kSmallBlock; ++b, out += kSmallBlock) {
    const auto block = load_block<BlockQ8_0>(row, b);
    const float d = f32_from_f16(block.d);
    for (int j = 0; j < kSmallBlock; ++j) out[j] = d * static_cast<float>(block.qs[j]);
  }
}

void encode_q8_0(const float* in, const float* importance, int64_t n, uint8_t* row) {
  // -128 is left out: readers with signed 8-bit products rely on |q| <= 127.
  const Grid grid(-127, 127);
  for (int64_t b = 0; b < n / kSmallBlock; ++b) {
    const SmallGroup group(in, importance, b);
    const Fit fit = fit_scale(grid, group.x, group.w, Storage::kHalf);
    const auto codes = group.codes(grid, fit);
    BlockQ8_0 block{};
    block.d = f16_from_f32(fit.scale);
    for (int j = 0; j < kSmallBlock; ++j) block.qs[j] = static_cast<int8_t>(grid.value(codes[j]));
    store_block(block, row, b);
  }
}

}  // namespace hearth::codec
