// SPDX-License-Identifier: MIT
// Row operations on every instruction set of this machine against formulas in double, and that all
// instruction sets give the same bits.
#include <gtest/gtest.h>

#include <functional>
#include <limits>

#include "tests/backend/kernel_fixture.h"

namespace hearth::cpu {
namespace {

constexpr int kLengths[] = {1, 2, 15, 16, 17, 31, 32, 64, 255, 256, 257, 272, 576, 1000, 4099};

// The distance of a float from a real number, in units of the last place of that number (of the
// smallest normal number below it).
double ulps(float actual, double expected) {
  if (std::isnan(expected)) return std::isnan(actual) ? 0 : INFINITY;
  if (std::fabs(expected) > static_cast<double>(std::numeric_limits<float>::max())) {
    return actual == (expected > 0 ? INFINITY : -INFINITY) ? 0 : INFINITY;
  }
  int exponent = 0;
  std::frexp(std::max(std::fabs(expected), 0x1p-126), &exponent);
  return std::fabs(actual - expected) / std::ldexp(1.0, exponent - 24);
}

// Numbers of every size and sign, dense where the functions bend.
std::vector<float> arguments(double limit) {
  std::vector<float> values = {0.0f, -0.0f};
  for (double x = 1e-30; x < limit; x *= 1.001) {
    values.push_back(static_cast<float>(x));
    values.push_back(static_cast<float>(-x));
  }
  for (double x = -110; x < 110; x += 0.0037) {
    if (std::fabs(x) < limit) values.push_back(static_cast<float>(x));
  }
  return values;
}

void expect_ulps(const std::vector<float>& x, const std::vector<float>& result,
                 const std::function<double(double)>& exact, double bound, std::string_view isa) {
  for (size_t i = 0; i < x.size(); ++i) {
    const double expected = exact(static_cast<double>(x[i]));
    ASSERT_LE(ulps(result[i], expected), bound)
        << isa << " at " << x[i] << ": " << result[i] << " for " << expected;
  }
}

TEST(RowOps, exp_is_within_two_units_in_the_last_place_over_its_whole_range) {
  std::vector<float> x = arguments(1e9);
  x.push_back(INFINITY);
  x.push_back(-INFINITY);
  for (const std::string_view isa : machine_isa_names()) {
    std::vector<float> out(x.size());
    table_for(isa).exp_sum(x.data(), 0.0f, static_cast<int>(x.size()), out.data());
    expect_ulps(
        x, out, [](double v) { return std::exp(v); }, 2, isa);
  }
}

// sigmoid adds to exp's 2 units 1 of the sum, 1 of the division (half each, doubled where e^-x is
// the larger part); the product half more.
TEST(RowOps, silu_is_within_five_units_in_the_last_place) {
  const std::vector<float> x = arguments(85);  // e^-x stays finite
  for (const std::string_view isa : machine_isa_names()) {
    std::vector<float> out(x.size());
    table_for(isa).silu_mul(x.data(), nullptr, static_cast<int>(x.size()), out.data());
    expect_ulps(
        x, out, [](double v) { return v / (1 + std::exp(-v)); }, 5, isa);
  }
}

TEST(RowOps, gelu_follows_its_formula) {
  // The argument 2u of the sigmoid has 5 roundings, which its exponential multiplies by |2u|.
  const std::vector<float> x = arguments(9);
  const auto argument = [](double v) { return 1.5957691216057308 * (v + 0.044715 * v * v * v); };
  for (const std::string_view isa : machine_isa_names()) {
    std::vector<float> out(x.size());
    table_for(isa).gelu_tanh_mul(x.data(), nullptr, static_cast<int>(x.size()), out.data());
    for (size_t i = 0; i < x.size(); ++i) {
      const auto v = static_cast<double>(x[i]);
      const double u = argument(v), expected = v / (1 + std::exp(-u));
      EXPECT_LE(ulps(out[i], expected), 5 + 5 * std::fabs(u)) << isa << " at " << v;
    }
  }
}

// tanh: 2 units near 0, at most 5 where 1 - 2 / (e^2x + 1) ~ 0.55; the division by the cap moves
// the argument by half a unit, the product the result by another.
TEST(RowOps, soft_cap_is_within_seven_units_in_the_last_place) {
  const std::vector<float> x = arguments(1e5);
  for (const std::string_view isa : machine_isa_names()) {
    for (const double cap : {1.0, 30.0, 50.0}) {
      std::vector<float> out(x.size());
      table_for(isa).soft_cap(x.data(), static_cast<float>(cap), static_cast<int>(x.size()),
                              out.data());
      expect_ulps(
          x, out, [&](double v) { return cap * std::tanh(v / cap); }, 7, isa);
    }
  }
}

TEST(RowOps, nan_stays_nan_and_infinity_has_its_limit) {
  const std::vector<float> x = {NAN, INFINITY, -INFINITY, 1.0f};
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    std::vector<float> out(4);
    EXPECT_TRUE(std::isnan(table.exp_sum(x.data(), 0.0f, 4, out.data())));
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_EQ(out[1], INFINITY);
    EXPECT_EQ(out[2], 0.0f);
    table.silu_mul(x.data(), nullptr, 4, out.data());
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_EQ(out[1], INFINITY);
    table.gelu_tanh_mul(x.data(), nullptr, 4, out.data());
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_EQ(out[1], INFINITY);
    table.soft_cap(x.data(), 30.0f, 4, out.data());
    EXPECT_TRUE(std::isnan(out[0]));
    EXPECT_EQ(out[1], 30.0f);
    EXPECT_EQ(out[2], -30.0f);
    table.rms_norm(x.data(), nullptr, 1e-6f, 4, out.data());
    EXPECT_TRUE(std::isnan(out[3]));
  }
}

TEST(RowOps, norms_follow_their_formulas) {
  Random random(1);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const int n : kLengths) {
      const auto size = static_cast<size_t>(n);
      const Guarded<float> x(normal_values(random, size)), w(normal_values(random, size));
      const Guarded<float> b(normal_values(random, size));
      Guarded<float> out(size);
      double sum = 0, squares = 0;
      for (size_t i = 0; i < size; ++i) sum += static_cast<double>(x[i]);
      const double mean = sum / n;
      double centred = 0, magnitude = 0;
      for (size_t i = 0; i < size; ++i) {
        squares += static_cast<double>(x[i]) * x[i];
        centred += (x[i] - mean) * (x[i] - mean);
        magnitude += std::fabs(static_cast<double>(x[i]));
      }
      // Sums of 256 values in 16 lanes are off by at most 16 + 4 roundings (the square one more),
      // the root halves that; factor, products.
      const double rms = 1 / std::sqrt(squares / n + 1e-5);
      table.rms_norm(x.data(), w.data(), 1e-5f, n, out.data());
      for (size_t i = 0; i < size; ++i) {
        const double expected = x[i] * rms * w[i];
        EXPECT_NEAR(out[i], expected, (21.0 / 2 + 4) * kEps * std::fabs(expected)) << isa << n;
      }
      table.rms_norm(x.data(), nullptr, 1e-5f, n, out.data());
      for (size_t i = 0; i < size; ++i) {
        EXPECT_NEAR(out[i], x[i] * rms, (21.0 / 2 + 4) * kEps * std::fabs(x[i] * rms)) << isa << n;
      }
      // The mean's own error moves every value and, through the root, all alike.
      const double factor = 1 / std::sqrt(centred / n + 1e-5);
      const double mean_error = 21 * kEps * magnitude / n;
      table.layer_norm(x.data(), w.data(), b.data(), 1e-5f, n, out.data());
      for (size_t i = 0; i < size; ++i) {
        const double normed = (x[i] - mean) * factor;
        const double expected = normed * w[i] + b[i];
        const double relative = (23.0 / 2 + 6) * kEps + mean_error * factor;
        const double bound =
            std::fabs(w[i]) * (std::fabs(normed) * relative + mean_error * factor) +
            3 * kEps * (std::fabs(normed * w[i]) + std::fabs(b[i]));
        EXPECT_NEAR(out[i], expected, bound) << isa << ' ' << n << ' ' << i;
      }
    }
  }
}

TEST(RowOps, sums_products_and_rotations_follow_their_formulas) {
  Random random(2);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const int n : kLengths) {
      const auto size = static_cast<size_t>(n);
      const Guarded<float> a(normal_values(random, size)), b(normal_values(random, size));
      Guarded<float> out(size);
      table.add(a.data(), b.data(), n, out.data());
      for (size_t i = 0; i < size; ++i) EXPECT_EQ(out[i], a[i] + b[i]);
      table.add_scaled(a.data(), 0.5f, n, out.data());
      for (size_t i = 0; i < size; ++i) EXPECT_EQ(out[i], (a[i] + b[i]) + 0.5f * a[i]);
      table.scale(a.data(), 3.0f, n, out.data());
      for (size_t i = 0; i < size; ++i) EXPECT_EQ(out[i], a[i] * 3.0f);
      EXPECT_EQ(table.max(a.data(), n), *std::max_element(a.data(), a.data() + n));
      table.silu_mul(a.data(), b.data(), n, out.data());
      for (size_t i = 0; i < size; ++i) {
        EXPECT_LE(ulps(out[i], b[i] * (a[i] / (1 + std::exp(-static_cast<double>(a[i]))))), 6);
      }
      table.gelu_tanh_mul(a.data(), b.data(), n, out.data());
      Guarded<float> alone(size);
      table.gelu_tanh_mul(a.data(), nullptr, n, alone.data());
      for (size_t i = 0; i < size; ++i) EXPECT_EQ(out[i], alone[i] * b[i]);
      table.swiglu_oai(a.data(), b.data(), 1.702f, 1.5f, n, out.data());
      for (size_t i = 0; i < size; ++i) {
        const double g = std::min(static_cast<double>(a[i]), 1.5);
        const double u = std::clamp(static_cast<double>(b[i]), -1.5, 1.5);
        const double expected = (u + 1) * g / (1 + std::exp(-static_cast<double>(1.702f) * g));
        // u + 1 is off by a rounding of up to 2.5, however small the sum is.
        EXPECT_NEAR(out[i], expected, 10 * kEps * std::fabs(expected) + 3 * kEps * std::fabs(g));
      }
    }
  }
}

TEST(RowOps, rope_rotates_pairs_in_both_orders) {
  Random random(3);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const int n_pairs : {1, 4, 15, 16, 20, 32, 40, 64, 128}) {
      const auto n = static_cast<size_t>(n_pairs);
      const Guarded<float> cos(normal_values(random, n)), sin(normal_values(random, n));
      const std::vector<float> before = normal_values(random, 2 * n);
      Guarded<float> half(before), interleaved(before);
      table.rope_half(half.data(), cos.data(), sin.data(), n_pairs);
      table.rope_interleaved(interleaved.data(), cos.data(), sin.data(), n_pairs);
      for (size_t i = 0; i < n; ++i) {
        const float a = before[i], b = before[i + n];
        EXPECT_EQ(half[i], a * cos[i] - b * sin[i]);
        EXPECT_EQ(half[i + n], a * sin[i] + b * cos[i]);
        const float c = before[2 * i], d = before[2 * i + 1];
        EXPECT_EQ(interleaved[2 * i], c * cos[i] - d * sin[i]);
        EXPECT_EQ(interleaved[2 * i + 1], c * sin[i] + d * cos[i]);
      }
    }
  }
}

TEST(RowOps, a_softmax_sum_is_exact_to_a_few_roundings) {
  Random random(4);
  for (const std::string_view isa : machine_isa_names()) {
    const KernelTable table = table_for(isa);
    for (const int n : kLengths) {
      const Guarded<float> x(normal_values(random, static_cast<size_t>(n), 5.0f));
      Guarded<float> out(static_cast<size_t>(n));
      const float shift = table.max(x.data(), n);
      const float sum = table.exp_sum(x.data(), shift, n, out.data());
      double expected = 0;
      for (size_t i = 0; i < out.size(); ++i) expected += static_cast<double>(out[i]);
      EXPECT_NEAR(sum, expected, 21 * kEps * expected) << isa << ' ' << n;
      for (size_t i = 0; i < out.size(); ++i) {
        EXPECT_LE(ulps(out[i], std::exp(static_cast<double>(x[i] - shift))), 2);
      }
    }
  }
}

// Every result of every row operation, in one list.
std::vector<float> all_results(const KernelTable& table, const std::vector<float>& a,
                               const std::vector<float>& b) {
  const auto n = static_cast<int>(a.size());
  std::vector<float> all, out(a.size());
  const auto keep = [&] { all.insert(all.end(), out.begin(), out.end()); };
  table.rms_norm(a.data(), b.data(), 1e-6f, n, out.data()), keep();
  table.layer_norm(a.data(), b.data(), a.data(), 1e-6f, n, out.data()), keep();
  table.add_scaled(b.data(), 0.3f, n, out.data()), keep();
  table.soft_cap(a.data(), 2.0f, n, out.data()), keep();
  table.silu_mul(a.data(), b.data(), n, out.data()), keep();
  table.gelu_tanh_mul(a.data(), b.data(), n, out.data()), keep();
  table.swiglu_oai(a.data(), b.data(), 1.702f, 7.0f, n, out.data()), keep();
  all.push_back(table.exp_sum(a.data(), 0.5f, n, out.data())), keep();
  out = a;
  table.rope_half(out.data(), b.data(), b.data() + n / 2, n / 2), keep();
  table.rope_interleaved(out.data(), b.data(), b.data() + n / 2, n / 2), keep();
  return all;
}

TEST(RowOps, every_instruction_set_gives_the_same_bits) {
  Random random(5);
  for (const int n : kLengths) {
    const std::vector<float> a = normal_values(random, static_cast<size_t>(n), 3.0f);
    const std::vector<float> b = normal_values(random, static_cast<size_t>(n));
    const std::vector<float> expected = all_results(table_for("base"), a, b);
    for (const std::string_view isa : machine_isa_names()) {
      EXPECT_EQ(all_results(table_for(isa), a, b), expected) << isa << ' ' << n;
    }
  }
}

}  // namespace
}  // namespace hearth::cpu
