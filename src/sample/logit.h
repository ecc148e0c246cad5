// SPDX-License-Identifier: MIT
// A logit computed in double, back to float: overflow becomes the largest finite value, so that a
// penalty or bias can never make an infinity or NaN of a finite logit. -infinity (forbidden) stays.
#pragma once
#include <algorithm>
#include <limits>

namespace hearth::sample {

inline float to_logit(double value) {
  if (value == -std::numeric_limits<double>::infinity())
    return -std::numeric_limits<float>::infinity();
  constexpr double kLargest = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(value, -kLargest, kLargest));
}

}  // namespace hearth::sample
