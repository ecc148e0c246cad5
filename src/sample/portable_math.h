// SPDX-License-Identifier: MIT
// exp and log from additions and multiplications alone, in a fixed order: the same bits on every
// machine, where libm's differ between versions and instruction sets. With that, a seed gives the
// same tokens everywhere. Compiled without fused multiply-add (see src/CMakeLists.txt).
// Accuracy: within 4 ulp of the true value (tests/sample/portable_math_test.cpp).
// Source: range reduction after W. J. Cody and W. Waite, "Software Manual for the Elementary
// Functions" (1980), then the plain series.
#pragma once

namespace hearth::sample {

// 0 below about -745, infinity above about 709.8; NaN stays NaN.
double portable_exp(double x);

// x > 0 and finite, or +infinity. Zero gives -infinity, a negative number NaN.
double portable_log(double x);

// x >= 0; pow(0, 0) is 1.
double portable_pow(double x, double y);

}  // namespace hearth::sample
