// SPDX-License-Identifier: MIT
// exp and log against libm, the generator against its author's published output.
#include "sample/portable_math.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "sample/rng.h"
#include "tests/sample/oracle.h"

namespace hearth::sample {
namespace {

constexpr double kEpsilon = std::numeric_limits<double>::epsilon();

TEST(PortableMath, exp_is_within_four_ulp_over_its_whole_range) {
  oracle::Random random(1);
  for (int i = 0; i < 200000; ++i) {
    const double x = -708 + 1417 * random.uniform();
    const double want = std::exp(x);
    ASSERT_NEAR(portable_exp(x), want, 4 * kEpsilon * want) << x;
  }
  for (int i = 0; i < 100000; ++i) {
    const double x = 2 * random.uniform() - 1;
    ASSERT_NEAR(portable_exp(x), std::exp(x), 4 * kEpsilon * std::exp(x)) << x;
  }
}

TEST(PortableMath, exp_keeps_its_promises_at_the_edges) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(portable_exp(0), 1);
  EXPECT_EQ(portable_exp(-kInf), 0);
  EXPECT_EQ(portable_exp(kInf), kInf);
  EXPECT_EQ(portable_exp(-746), 0);
  EXPECT_EQ(portable_exp(710), kInf);
  EXPECT_TRUE(std::isnan(portable_exp(std::nan(""))));
  // Subnormal results have an absolute spacing of 2^-1074.
  EXPECT_NEAR(portable_exp(-740), std::exp(-740), 0x1p-1073);
  for (double x = -1e-10; x <= 1e-10; x += 1e-12)
    EXPECT_NEAR(portable_exp(x), 1 + x, 1e-20 + kEpsilon);
}

TEST(PortableMath, log_is_within_four_ulp_over_its_whole_range) {
  oracle::Random random(2);
  for (int i = 0; i < 200000; ++i) {
    const double x = std::ldexp(1 + random.uniform(), static_cast<int>(random.below(2046)) - 1022);
    const double want = std::log(x);
    ASSERT_NEAR(portable_log(x), want, 4 * kEpsilon * std::fabs(want)) << x;
  }
  for (int i = 0; i < 100000; ++i) {
    const double x = 0.5 + 1.5 * random.uniform();
    ASSERT_NEAR(portable_log(x), std::log(x), 4 * kEpsilon * std::fabs(std::log(x))) << x;
  }
}

TEST(PortableMath, log_keeps_its_promises_at_the_edges) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  EXPECT_EQ(portable_log(1), 0);
  EXPECT_EQ(portable_log(0), -kInf);
  EXPECT_EQ(portable_log(kInf), kInf);
  EXPECT_TRUE(std::isnan(portable_log(-1)));
  EXPECT_TRUE(std::isnan(portable_log(std::nan(""))));
  const double smallest = std::numeric_limits<double>::denorm_min();
  EXPECT_NEAR(portable_log(smallest), std::log(smallest), 4 * kEpsilon * 745);
}

TEST(PortableMath, pow_agrees_with_libm_as_far_as_the_exponent_allows) {
  oracle::Random random(3);
  for (int i = 0; i < 100000; ++i) {
    const double x = 20 * random.uniform();
    const double y = 20 * random.uniform() - 10;
    const double want = std::pow(x, y);
    // exp turns the product's error, 6 ulp of |y log x| at most, into a relative one.
    const double relative = 6 * kEpsilon * (1 + std::fabs(y * std::log(x)));
    ASSERT_NEAR(portable_pow(x, y), want, relative * want) << x << " " << y;
  }
  EXPECT_EQ(portable_pow(0, 0), 1);
  EXPECT_EQ(portable_pow(0, 2), 0);
}

TEST(Pcg32, gives_the_sequence_that_its_author_published) {
  // The first round of pcg32-demo: seed 42, stream 54.
  Pcg32 rng(42, 54);
  for (const uint32_t want :
       {0xa15c02b7u, 0x7b47f409u, 0xba1d3330u, 0x83d2f293u, 0xbfa4784bu, 0xcbed606eu})
    EXPECT_EQ(rng.next(), want);
}

TEST(Pcg32, uniform_numbers_lie_in_the_half_open_interval_and_fill_it_evenly) {
  Pcg32 rng(7);
  constexpr int kDraws = 160000;
  int counts[16] = {};
  for (int i = 0; i < kDraws; ++i) {
    const double u = rng.uniform();
    ASSERT_GE(u, 0);
    ASSERT_LT(u, 1);
    ++counts[static_cast<int>(u * 16)];
  }
  double chi_square = 0;
  for (const int n : counts)
    chi_square += (n - kDraws / 16.0) * (n - kDraws / 16.0) / (kDraws / 16.0);
  // 15 degrees of freedom: 99.9 % of fair generators stay below 37.7.
  EXPECT_LT(chi_square, 37.7);
}

}  // namespace
}  // namespace hearth::sample
