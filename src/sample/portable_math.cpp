// SPDX-License-Identifier: MIT
// See portable_math.h.
#include "sample/portable_math.h"

#include <bit>
#include <cstdint>
#include <limits>

namespace hearth::sample {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLog2E = 1.4426950408889634;
// ln 2 in two parts; the high one has 21 zero bits at its end, so that k * kLn2High is exact for
// every exponent k.
constexpr double kLn2High = 0x1.62e42feep-1;
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;

// 2^k for k in the range of normal numbers.
double power_of_two(int k) { return std::bit_cast<double>(static_cast<uint64_t>(k + 1023) << 52); }

}  // namespace

double portable_exp(double x) {
  if (!(x >= -745.2)) return x != x ? x : 0.0;
  if (x > 709.79) return kInfinity;
  // Adding and subtracting 1.5 * 2^52 rounds to the nearest whole number.
  const double k = (x * kLog2E + 0x1.8p52) - 0x1.8p52;
  const double r = (x - k * kLn2High) - k * kLn2Low;
  // The Taylor series to r^13: |r| <= 0.3466, so the rest is below 2^-57.
  constexpr double kInverseFactorials[] = {1.0 / 6227020800,
                                           1.0 / 479001600,
                                           1.0 / 39916800,
                                           1.0 / 3628800,
                                           1.0 / 362880,
                                           1.0 / 40320,
                                           1.0 / 5040,
                                           1.0 / 720,
                                           1.0 / 120,
                                           1.0 / 24,
                                           1.0 / 6,
                                           0.5,
                                           1.0,
                                           1.0};
  double sum = 0;
  for (const double c : kInverseFactorials) sum = sum * r + c;
  // In two steps, since the result may be subnormal or the power too large for one.
  const int exponent = static_cast<int>(k);
  const int half = exponent / 2;
  return sum * power_of_two(half) * power_of_two(exponent - half);
}

double portable_log(double x) {
  if (!(x > 0)) return x == 0 ? -kInfinity : std::numeric_limits<double>::quiet_NaN();
  if (x == kInfinity) return x;
  int exponent = 0;
  if (x < std::numeric_limits<double>::min()) {
    x *= 0x1p54;
    exponent = -54;
  }
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  exponent += static_cast<int>(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    ++exponent;
  }
  // log m = 2 (s + s^3/3 + s^5/5 + …) with s = (m-1)/(m+1), |s| <= 0.1716: after s^23 the rest is
  // below 2^-62.
  const double s = (m - 1) / (m + 1);
  const double z = s * s;
  constexpr double kOddInverses[] = {1.0 / 23, 1.0 / 21, 1.0 / 19, 1.0 / 17, 1.0 / 15, 1.0 / 13,
                                     1.0 / 11, 1.0 / 9,  1.0 / 7,  1.0 / 5,  1.0 / 3};
  double sum = 0;
  for (const double c : kOddInverses) sum = sum * z + c;
  const double e = exponent;
  return e * kLn2High + (2 * s + (2 * s * z * sum + e * kLn2Low));
}

double portable_pow(double x, double y) {
  if (y == 0) return 1;
  if (x == 0) return y > 0 ? 0 : kInfinity;
  return portable_exp(y * portable_log(x));
}

}  // namespace hearth::sample
