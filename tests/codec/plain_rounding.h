// SPDX-License-Identifier: MIT
// What plain round-to-nearest makes of weights in each format, as floats: the largest weight of a
// group sets the scale, every code is the nearest. The bar that the encoders must not miss.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

#include "base/half.h"
#include "tensor/dtype.h"
#include "tensor/layout/blocks.h"

namespace hearth::codec {

inline float half_of(float value) { return f32_from_f16(f16_from_f32(value)); }

inline float extreme_of(std::span<const float> x) {
  return *std::max_element(x.begin(), x.end(),
                           [](float a, float b) { return std::fabs(a) < std::fabs(b); });
}

// The nearest of scale * values[i] + offset.
inline float nearest_of(float x, std::span<const int> values, float scale, float offset) {
  float best = scale * static_cast<float>(values[0]) + offset;
  for (const int value : values) {
    const float candidate = scale * static_cast<float>(value) + offset;
    if (std::fabs(candidate - x) < std::fabs(best - x)) best = candidate;
  }
  return best;
}

inline std::vector<int> whole_numbers(int low, int high) {
  std::vector<int> values;
  for (int i = low; i <= high; ++i) values.push_back(i);
  return values;
}

// scale = extreme / end; w = scale * value.
inline void plain_scaled(std::span<const float> x, std::span<const int> values, int end,
                         float* out) {
  const float d = half_of(extreme_of(x) / static_cast<float>(end));
  for (size_t i = 0; i < x.size(); ++i) out[i] = nearest_of(x[i], values, d, 0);
}

inline void plain_affine(std::span<const float> x, int max_code, float* out) {
  const auto [low, high] = std::minmax_element(x.begin(), x.end());
  const float d = half_of((*high - *low) / static_cast<float>(max_code));
  const float m = half_of(*low);
  const std::vector<int> values = whole_numbers(0, max_code);
  for (size_t i = 0; i < x.size(); ++i) out[i] = nearest_of(x[i], values, d, m);
}

inline float whole_multiple(float target, float unit, int low, int high) {
  if (unit == 0) return 0;
  return std::clamp(std::round(target / unit), static_cast<float>(low), static_cast<float>(high)) *
         unit;
}

inline void plain_scaled_super(std::span<const float> x, size_t sub, std::span<const int> values,
                               int scale_low, int scale_high, float* out) {
  std::vector<float> scales;
  for (size_t at = 0; at < x.size(); at += sub) {
    scales.push_back(extreme_of(x.subspan(at, sub)) / static_cast<float>(values.front()));
  }
  const float d = half_of(extreme_of(scales) / static_cast<float>(scale_low));
  for (size_t i = 0; i < x.size(); ++i) {
    const float scale = whole_multiple(scales[i / sub], d, scale_low, scale_high);
    out[i] = nearest_of(x[i], values, scale, 0);
  }
}

inline void plain_affine_super(std::span<const float> x, size_t sub, int max_code, int max_scale,
                               float* out) {
  std::vector<float> scales, mins;
  for (size_t at = 0; at < x.size(); at += sub) {
    const auto part = x.subspan(at, sub);
    const auto [low, high] = std::minmax_element(part.begin(), part.end());
    mins.push_back(-std::min(*low, 0.0f));
    scales.push_back((*high + mins.back()) / static_cast<float>(max_code));
  }
  const float d = half_of(extreme_of(scales) / static_cast<float>(max_scale));
  const float dmin = half_of(extreme_of(mins) / static_cast<float>(max_scale));
  const std::vector<int> values = whole_numbers(0, max_code);
  for (size_t i = 0; i < x.size(); ++i) {
    const float scale = whole_multiple(scales[i / sub], d, 0, max_scale);
    const float min = whole_multiple(mins[i / sub], dmin, 0, max_scale);
    out[i] = nearest_of(x[i], values, scale, -min);
  }
}

inline void plain_mxfp4(std::span<const float> x, float* out) {
  const std::vector<int> values(std::begin(layout::kFp4DoubledValues),
                                std::end(layout::kFp4DoubledValues));
  const float largest = std::fabs(extreme_of(x));
  const float scale = largest > 0 ? std::ldexp(1.0f, std::ilogb(largest) - 3) : 0.0f;
  for (size_t i = 0; i < x.size(); ++i) out[i] = nearest_of(x[i], values, scale, 0);
}

// One block.
inline void plain_block(DType type, std::span<const float> x, float* out) {
  const std::vector<int> iq4(std::begin(layout::kIq4Values), std::end(layout::kIq4Values));
  switch (type) {
    case DType::kF32:
      out[0] = x[0];
      return;
    case DType::kF16:
      out[0] = half_of(x[0]);
      return;
    case DType::kBF16:
      out[0] = f32_from_bf16(bf16_from_f32(x[0]));
      return;
    case DType::kQ4_0:
      return plain_scaled(x, whole_numbers(-8, 7), -8, out);
    case DType::kQ5_0:
      return plain_scaled(x, whole_numbers(-16, 15), -16, out);
    case DType::kQ8_0:
      return plain_scaled(x, whole_numbers(-127, 127), 127, out);
    case DType::kQ4_1:
      return plain_affine(x, 15, out);
    case DType::kQ5_1:
      return plain_affine(x, 31, out);
    case DType::kQ2_K:
      return plain_affine_super(x, 16, 3, 15, out);
    case DType::kQ4_K:
      return plain_affine_super(x, 32, 15, 63, out);
    case DType::kQ5_K:
      return plain_affine_super(x, 32, 31, 63, out);
    case DType::kQ3_K:
      return plain_scaled_super(x, 16, whole_numbers(-4, 3), -32, 31, out);
    case DType::kQ6_K:
      return plain_scaled_super(x, 16, whole_numbers(-32, 31), -128, 127, out);
    case DType::kIQ4_NL:
      return plain_scaled(x, iq4, -127, out);
    case DType::kIQ4_XS:
      return plain_scaled_super(x, 32, iq4, -32, 31, out);
    case DType::kMXFP4:
      return plain_mxfp4(x, out);
  }
}

inline std::vector<float> plain_rounding(DType type, std::span<const float> x) {
  const auto size = static_cast<size_t>(info(type).block_weights);
  std::vector<float> out(x.size());
  for (size_t at = 0; at < x.size(); at += size) {
    plain_block(type, x.subspan(at, size), out.data() + at);
  }
  return out;
}

}  // namespace hearth::codec
