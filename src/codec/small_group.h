// SPDX-License-Identifier: MIT
// One block of 32 weights on its way into a one-level format.
#pragma once
#include <array>
#include <cstdint>
#include <span>

#include "codec/fit.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

struct SmallGroup {
  std::span<const float> x;
  std::array<float, layout::kSmallBlock> w;

  // Block `b` of a row; importance may be null.
  SmallGroup(const float* in, const float* importance, int64_t b)
      : x(in + b * layout::kSmallBlock, layout::kSmallBlock) {
    const float* part = importance ? importance + b * layout::kSmallBlock : nullptr;
    effective_importance(part, layout::kSmallBlock, w.data());
  }

  std::array<uint8_t, layout::kSmallBlock> codes(const Grid& grid, const Fit& fit) const {
    std::array<uint8_t, layout::kSmallBlock> result;
    assign_codes(grid, x, w, fit.scale, fit.offset, result.data());
    return result;
  }
};

}  // namespace hearth::codec
