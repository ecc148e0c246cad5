// SPDX-License-Identifier: MIT
// Transposing of squares of dwords; strides in dwords.
#pragma once
#include <stdint.h>

namespace hearth::cpu {
namespace {

// out[column][row] = in[row][column] for 16 x 16 dwords.
inline void transpose_16(const uint32_t* in, int in_stride, uint32_t* out, int out_stride = 16) {
  for (int row = 0; row < 16; ++row) {
    for (int column = 0; column < 16; ++column) {
      out[column * out_stride + row] = in[row * in_stride + column];
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
