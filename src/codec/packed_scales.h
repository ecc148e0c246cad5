// SPDX-License-Identifier: MIT
// The twelve bytes in which q4_k and q5_k hold eight 6-bit scales and eight 6-bit minima.
// Pairs 0-3 lie in the low six bits of bytes 0-3 (scales) and 4-7 (minima). Pairs 4-7 have their
// low four bits in bytes 8-11 (scale low nibble, minimum high nibble) and their high two bits in
// the top of bytes 0-3 (scales) and 4-7 (minima). Source: docs/formats/weights.md.
#pragma once
#include <cstdint>

namespace hearth::codec {

struct ScaleMin {
  int scale = 0;  // 0 to 63
  int min = 0;    // 0 to 63
};

constexpr ScaleMin unpack_scale_min(const uint8_t (&bytes)[12], int j) {
  if (j < 4) return {bytes[j] & 63, bytes[j + 4] & 63};
  return {(bytes[j + 4] & 15) | (bytes[j - 4] >> 6 << 4),
          (bytes[j + 4] >> 4) | (bytes[j] >> 6 << 4)};
}

// Sets pair `j` in bytes that start as zeros.
constexpr void pack_scale_min(ScaleMin pair, uint8_t (&bytes)[12], int j) {
  if (j < 4) {
    bytes[j] |= static_cast<uint8_t>(pair.scale);
    bytes[j + 4] |= static_cast<uint8_t>(pair.min);
    return;
  }
  bytes[j + 4] |= static_cast<uint8_t>((pair.scale & 15) | ((pair.min & 15) << 4));
  bytes[j - 4] |= static_cast<uint8_t>(pair.scale >> 4 << 6);
  bytes[j] |= static_cast<uint8_t>(pair.min >> 4 << 6);
}

}  // namespace hearth::codec
