// SPDX-License-Identifier: MIT
#include "codec/super_block.h"

#include <cmath>
#include <limits>
#include <span>

#include "codec/fit.h"

namespace hearth::codec {
namespace {

using layout::kSuperBlock;

constexpr int kMaxSuperRounds = 6;  // of the alternation; it stops earlier where nothing improves

// The line of super-block scales: the largest sub-block scale lies at its end of the range, or up
// to three steps before or beyond it.
constexpr int kSuperLinePoints = 49;
constexpr float kSuperLineStep = 0.125f;

struct Group {
  std::span<const float> x, w;
};

Group group(const float* x, const float* w, int sub_size, int j) {
  const auto size = static_cast<size_t>(sub_size);
  return {{x + j * sub_size, size}, {w + j * sub_size, size}};
}

int nearest_int(float value, int low, int high) {
  if (!(value > static_cast<float>(low))) return low;
  if (value >= static_cast<float>(high)) return high;
  return static_cast<int>(std::lround(value));
}

// One quantity of every sub-block that becomes whole numbers times one number of the super-block.
struct Targets {
  std::array<float, kMaxSubBlocks> value{};
  std::array<double, kMaxSubBlocks> curvature{};  // error added per squared deviation
  int n = 0;

  float extreme() const {
    float result = 0;
    for (int j = 0; j < n; ++j) {
      if (std::fabs(value[j]) > std::fabs(result)) result = value[j];
    }
    return result;
  }
};

int whole(float target, float unit, int low, int high) {
  return unit == 0 ? std::clamp(0, low, high) : nearest_int(target / unit, low, high);
}

// The unit on the line whose multiples in [low, high] come nearest to the targets.
float best_unit(const Targets& targets, int low, int high) {
  const float extreme = targets.extreme();
  float best = 0;
  double best_error = std::numeric_limits<double>::infinity();
  for (const int end : {low, high}) {
    if (end == 0) continue;
    for (int i = 0; i < kSuperLinePoints; ++i) {
      const float shift = kSuperLineStep * static_cast<float>(i - kSuperLinePoints / 2);
      const float unit = extreme / (static_cast<float>(end) + (end < 0 ? -shift : shift));
      double error = 0;
      for (int j = 0; j < targets.n; ++j) {
        const double off = targets.value[j] - unit * whole(targets.value[j], unit, low, high);
        error += targets.curvature[j] * off * off;
      }
      if (error < best_error) best = unit, best_error = error;
    }
  }
  return best;
}

double squared_values(const Grid& grid, Group g, const uint8_t* codes) {
  double sum = 0;
  for (size_t i = 0; i < g.x.size(); ++i) {
    const double value = grid.value(codes[i]);
    sum += g.w[i] * value * value;
  }
  return sum;
}

double sum_of(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += value;
  return sum;
}

float largest(std::span<const float> values) {
  float result = 0;
  for (const float value : values) {
    if (std::fabs(value) > std::fabs(result)) result = value;
  }
  return result;
}

// ---- w = d * scale * value ----

struct ScaledSearch {
  const Grid& grid;
  int sub_size, low, high;
  const float *x, *w;

  int n_sub() const { return kSuperBlock / sub_size; }

  // The whole scales, `radius` around the nearest, and codes with the lowest error for this d.
  ScaledSuper evaluate(float d, const Targets& targets, int radius) const {
    ScaledSuper result;
    result.d = round_to_half(d);
    std::array<uint8_t, kMaxGroup> codes;
    for (int j = 0; j < n_sub(); ++j) {
      const Group g = group(x, w, sub_size, j);
      const int middle = whole(targets.value[j], result.d, low, high);
      double best = std::numeric_limits<double>::infinity();
      for (int s = std::max(low, middle - radius); s <= std::min(high, middle + radius); ++s) {
        const float scale = result.d * static_cast<float>(s);
        const double error = assign_codes(grid, g.x, g.w, scale, 0, codes.data());
        if (!(error < best)) continue;
        best = error;
        result.scale[j] = s;
        std::copy_n(codes.begin(), sub_size, result.codes.begin() + j * sub_size);
      }
      result.error += best;
    }
    return result;
  }

  // The d that fits the whole numbers of `super` best.
  float solve(const ScaledSuper& super) const {
    double xl = 0, ll = 0;
    for (int i = 0; i < kSuperBlock; ++i) {
      const double l = super.scale[i / sub_size] * grid.value(super.codes[i]);
      xl += w[i] * l * x[i];
      ll += w[i] * l * l;
    }
    return ll > 0 ? static_cast<float>(xl / ll) : 0;
  }
};

// ---- w = d * scale * code - dmin * min ----

struct AffineSearch {
  Grid grid;
  int sub_size, max_scale;
  const float *x, *w;

  int n_sub() const { return kSuperBlock / sub_size; }

  AffineSuper evaluate(float d, float dmin, const Targets& scales, const Targets& mins,
                       int radius) const {
    AffineSuper result;
    result.d = round_to_half(d);
    result.dmin = round_to_half(dmin);
    for (int j = 0; j < n_sub(); ++j) {
      const int scale = whole(scales.value[j], result.d, 0, max_scale);
      const int min = whole(mins.value[j], result.dmin, 0, max_scale);
      result.error += evaluate_sub(j, scale, min, radius, result);
    }
    return result;
  }

  // The pair around (scale, min) with the lowest error, which it returns.
  double evaluate_sub(int j, int scale, int min, int radius, AffineSuper& result) const {
    const Group g = group(x, w, sub_size, j);
    std::array<uint8_t, kMaxGroup> codes;
    double best = std::numeric_limits<double>::infinity();
    const int last_scale = std::min(max_scale, scale + radius);
    const int last_min = std::min(max_scale, min + radius);
    for (int s = std::max(0, scale - radius); s <= last_scale; ++s) {
      for (int m = std::max(0, min - radius); m <= last_min; ++m) {
        const double error = assign_codes(grid, g.x, g.w, result.d * static_cast<float>(s),
                                          -(result.dmin * static_cast<float>(m)), codes.data());
        if (!(error < best)) continue;
        best = error;
        result.scale[j] = s;
        result.min[j] = m;
        std::copy_n(codes.begin(), sub_size, result.codes.begin() + j * sub_size);
      }
    }
    return best;
  }

  // The d and dmin that fit the whole numbers of `super` best.
  void solve(const AffineSuper& super, float& d, float& dmin) const {
    double aa = 0, ab = 0, bb = 0, xa = 0, xb = 0;
    for (int i = 0; i < kSuperBlock; ++i) {
      const double a = super.scale[i / sub_size] * super.codes[i];
      const double b = -super.min[i / sub_size];
      aa += w[i] * a * a;
      ab += w[i] * a * b;
      bb += w[i] * b * b;
      xa += w[i] * a * x[i];
      xb += w[i] * b * x[i];
    }
    const double determinant = aa * bb - ab * ab;
    if (determinant > 1e-9 * aa * bb) {
      d = static_cast<float>((xa * bb - xb * ab) / determinant);
      dmin = static_cast<float>((xb * aa - xa * ab) / determinant);
    } else if (aa > 0) {
      d = static_cast<float>((xa - dmin * ab) / aa);
    } else if (bb > 0) {
      dmin = static_cast<float>(xb / bb);
    }
    d = std::max(d, 0.0f);
    dmin = std::max(dmin, 0.0f);
  }

  // Alternates from (d, dmin) while the error falls.
  void improve(float d, float dmin, const Targets& scales, const Targets& mins,
               AffineSuper& best) const {
    double last = std::numeric_limits<double>::infinity();
    for (int round = 0; round < kMaxSuperRounds; ++round) {
      const AffineSuper candidate = evaluate(d, dmin, scales, mins, 1);
      if (candidate.error < best.error) best = candidate;
      if (!(candidate.error < last)) return;
      last = candidate.error;
      solve(candidate, d, dmin);
    }
  }
};

}  // namespace

ScaledSuper encode_scaled(const Grid& grid, int sub_size, int scale_low, int scale_high,
                          const float* x, const float* w) {
  const ScaledSearch search{grid, sub_size, scale_low, scale_high, x, w};
  Targets fitted, plain;
  fitted.n = plain.n = search.n_sub();
  std::array<uint8_t, kMaxGroup> codes;
  for (int j = 0; j < search.n_sub(); ++j) {
    const Group g = group(x, w, sub_size, j);
    const Fit fit = fit_scale(grid, g.x, g.w, Storage::kFloat);
    assign_codes(grid, g.x, g.w, fit.scale, 0, codes.data());
    fitted.value[j] = fit.scale;
    fitted.curvature[j] = squared_values(grid, g, codes.data());
    plain.value[j] = largest(g.x) / static_cast<float>(grid.lowest());
  }
  ScaledSuper best = search.evaluate(plain.extreme() / static_cast<float>(scale_low), plain, 0);
  float d = best_unit(fitted, scale_low, scale_high);
  double last = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kMaxSuperRounds; ++round) {
    const ScaledSuper candidate = search.evaluate(d, fitted, 1);
    if (candidate.error < best.error) best = candidate;
    if (!(candidate.error < last)) break;
    last = candidate.error;
    d = search.solve(candidate);
  }
  return best;
}

AffineSuper encode_affine(int max_code, int sub_size, int max_scale, const float* x,
                          const float* w) {
  const AffineSearch search{Grid(0, max_code), sub_size, max_scale, x, w};
  Targets scales, mins, plain_scales, plain_mins;
  scales.n = mins.n = plain_scales.n = plain_mins.n = search.n_sub();
  std::array<uint8_t, kMaxGroup> codes;
  for (int j = 0; j < search.n_sub(); ++j) {
    const Group g = group(x, w, sub_size, j);
    const Fit fit = fit_affine(max_code, g.x, g.w, Storage::kFloat, 0);
    assign_codes(search.grid, g.x, g.w, fit.scale, fit.offset, codes.data());
    scales.value[j] = fit.scale;
    scales.curvature[j] = squared_values(search.grid, g, codes.data());
    mins.value[j] = -fit.offset;
    mins.curvature[j] = sum_of(g.w);
    const auto [low, high] = std::minmax_element(g.x.begin(), g.x.end());
    const float min = std::min(*low, 0.0f);
    plain_scales.value[j] = (*high - min) / static_cast<float>(max_code);
    plain_mins.value[j] = -min;
  }
  const auto top = static_cast<float>(max_scale);
  AffineSuper best = search.evaluate(plain_scales.extreme() / top, plain_mins.extreme() / top,
                                     plain_scales, plain_mins, 0);
  search.improve(best_unit(scales, 0, max_scale), best_unit(mins, 0, max_scale), scales, mins,
                 best);
  return best;
}

}  // namespace hearth::codec
