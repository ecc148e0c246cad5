// SPDX-License-Identifier: MIT
// Block bytes of the golden cases, the twin of capture_codec.py: in a case name, out the bytes.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "tensor/dtype.h"

namespace hearth::codec {

// Bytes of splitmix64 (Steele, Lea and Flood 2014), every output little endian.
inline std::vector<uint8_t> splitmix_bytes(uint64_t seed, size_t n) {
  std::vector<uint8_t> out;
  uint64_t state = seed;
  while (out.size() < n) {
    state += 0x9e3779b97f4a7c15u;
    uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    z ^= z >> 31;
    for (int i = 0; i < 8; ++i) out.push_back(static_cast<uint8_t>(z >> (8 * i)));
  }
  out.resize(n);
  return out;
}

// Where the binary16 scales of a block lie.
inline std::vector<size_t> scale_places(DType type) {
  switch (type) {
    case DType::kQ4_0:
    case DType::kQ5_0:
    case DType::kQ8_0:
    case DType::kIQ4_NL:
    case DType::kIQ4_XS:
      return {0};
    case DType::kQ4_1:
    case DType::kQ5_1:
    case DType::kQ4_K:
    case DType::kQ5_K:
      return {0, 2};
    case DType::kQ2_K:
      return {80, 82};
    case DType::kQ3_K:
      return {108};
    case DType::kQ6_K:
      return {208};
    default:
      return {};
  }
}

// The blocks of one case; `index` is the format's place in the capture script's list.
inline std::vector<uint8_t> golden_blocks(DType type, uint64_t index, std::string_view name,
                                          size_t n_blocks) {
  constexpr uint16_t kSpecial[12] = {0x0000, 0x8000, 0x0001, 0x8001, 0x03ff, 0x0400,
                                     0x7bff, 0xfbff, 0x7c00, 0xfc00, 0x7e00, 0xfd55};
  constexpr uint8_t kExponents[8] = {0, 1, 2, 3, 127, 253, 254, 255};
  const auto size = static_cast<size_t>(info(type).block_bytes);
  std::vector<uint8_t> bytes = splitmix_bytes(index * 2 + (name == "special"), n_blocks * size);
  if (name == "bytes") {
    for (size_t i = 0; i < bytes.size(); ++i) {
      bytes[i] = static_cast<uint8_t>(i / size + 37 * (i % size));
    }
  }
  if (name != "special") return bytes;
  const std::vector<size_t> places = scale_places(type);
  for (size_t b = 0; b < n_blocks; ++b) {
    for (size_t i = 0; i < places.size(); ++i) {
      const uint16_t bits = kSpecial[(b + 5 * i) % 12];
      bytes[b * size + places[i]] = static_cast<uint8_t>(bits);
      bytes[b * size + places[i] + 1] = static_cast<uint8_t>(bits >> 8);
    }
    if (type == DType::kMXFP4) bytes[b * size] = kExponents[b % 8];
  }
  return bytes;
}

}  // namespace hearth::codec
