// SPDX-License-Identifier: MIT
// A block of 256 columns of 16 weight rows, unpacked for products with ByteBlocks: lanes are rows.
#pragma once
#include "backend/cpu/kernels/panel_rows.h"

namespace hearth::cpu {
namespace {

constexpr int kQuads = 64;  // columns by fours

struct alignas(64) BytePanel {
  int8_t w[kQuads][kPanelRows][4];  // q - zero
  float d[16][16];                  // the scale of each group
  int32_t start[16][16];  // kByteSumBits - 128 * the group's sum of w, if x lies 128 too high
  float part[4][16];      // -kByteSumBase * the scales of a quarter's groups
  float m[16][16];        // the minimum's factor of each group of minima
  float value[256][16];   // scale * w of those columns that are some token's outlier
};

}  // namespace
}  // namespace hearth::cpu
