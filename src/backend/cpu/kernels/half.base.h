// SPDX-License-Identifier: MIT
// binary16 and bfloat16 to float and back in integer arithmetic, for kernel files (which may not
// include base/half.h: its inline functions would leave the file). Round to nearest even.
// Source: IEEE 754-2019, sections 3.6 and 4.3.1.
#pragma once
#include <stdint.h>

namespace hearth::cpu {
namespace {

inline float float_of(uint32_t bits) {
  float value;
  __builtin_memcpy(&value, &bits, 4);
  return value;
}
inline uint32_t bits_of(float value) {
  uint32_t bits;
  __builtin_memcpy(&bits, &value, 4);
  return bits;
}
inline uint16_t load_u16(const uint8_t* p) {
  uint16_t value;
  __builtin_memcpy(&value, p, 2);
  return value;
}

inline float f32_from_f16(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000u) << 16;
  const uint32_t magnitude = half & 0x7fffu;
  // A subnormal is magnitude * 2^-24, exact in float.
  if (magnitude < 0x400u) {
    return float_of(sign | bits_of(static_cast<float>(static_cast<int>(magnitude)) * 0x1p-24f));
  }
  const uint32_t rebias = magnitude < 0x7c00u ? 112u << 23 : 224u << 23;
  return float_of(sign | ((magnitude << 13) + rebias));
}

inline uint16_t f16_from_f32(float value) {
  const uint32_t bits = bits_of(value);
  const uint32_t sign = (bits >> 16) & 0x8000u;
  const uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u)
    return static_cast<uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
  if (magnitude >= 0x477ff000u) return static_cast<uint16_t>(sign | 0x7c00u);
  // Below 2^-14 the last bit weighs 2^-24: adding 0.5 lets the addition round there.
  if (magnitude < 0x38800000u) {
    return static_cast<uint16_t>(sign | (bits_of(float_of(magnitude) + 0.5f) - bits_of(0.5f)));
  }
  return static_cast<uint16_t>(
      sign | ((magnitude - (112u << 23) + 0xfffu + ((magnitude >> 13) & 1u)) >> 13));
}

inline float f32_from_bf16(uint16_t value) { return float_of(static_cast<uint32_t>(value) << 16); }

inline uint16_t bf16_from_f32(float value) {
  const uint32_t bits = bits_of(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return static_cast<uint16_t>((bits >> 16) | 0x40u);
  return static_cast<uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

// The scale byte of mxfp4, halved because the table of values is doubled: 2^(e - 128).
inline float mxfp4_scale(uint8_t e) {
  return float_of(e < 2 ? 0x00200000u << e : static_cast<uint32_t>(e - 1) << 23);
}

}  // namespace
}  // namespace hearth::cpu
