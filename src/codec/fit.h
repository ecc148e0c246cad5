// SPDX-License-Identifier: MIT
// Searches for the scale (and offset) with which the steps of a grid come nearest to a group of
// weights. In: weights x and their importance w, one group of at most 256. Out: the parameters with
// the lowest sum of w * (x - scale * value - offset)^2 that was found.
// Method: a coarse line of scales, each scored by the best parameters for the codes that it gives
// (weighted least squares in closed form), then alternation of codes and parameters from the best
// of them, as in Lloyd, "Least squares quantization in PCM", IEEE Trans. Inf. Theory 28 (1982).
#pragma once
#include <cstdint>
#include <span>

#include "codec/grid.h"

namespace hearth::codec {

inline constexpr int kMaxGroup = 256;

struct Fit {
  float scale = 0;
  float offset = 0;
  double error = 0;
};

// How parameters will be stored: as they are (to be rounded by an outer search), or as binary16.
enum class Storage { kFloat, kHalf };

// To the nearest finite binary16 and back.
float round_to_half(float value);

// Picks the nearest code for every weight; returns the weighted squared error.
double assign_codes(const Grid& grid, std::span<const float> x, std::span<const float> w,
                    float scale, float offset, uint8_t* codes);

// Scale only, of either sign.
Fit fit_scale(const Grid& grid, std::span<const float> x, std::span<const float> w,
              Storage storage);

// Scale >= 0 and offset, codes 0 to max_code. offset_limit: the offset is at most this.
Fit fit_affine(int max_code, std::span<const float> x, std::span<const float> w, Storage storage,
               float offset_limit);

// The importance of a group as the searches use it: mean 1, none below a millionth, ones where
// `importance` is null or 0 everywhere.
void effective_importance(const float* importance, int n, float* out);

}  // namespace hearth::codec
