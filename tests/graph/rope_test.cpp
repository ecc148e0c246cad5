// SPDX-License-Identifier: MIT
#include "graph/rope.h"

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include "tests/support/paths.h"

namespace hearth::graph {
namespace {

struct GoldenAngles {
  int position = 0;
  std::vector<double> cos, sin;
};

struct GoldenCase {
  std::string name;
  RopeSpec spec;
  std::vector<float> factors;
  std::vector<double> frequency;
  std::vector<GoldenAngles> angles;
};

std::vector<double> numbers(std::istringstream& in) {
  std::vector<double> values;
  for (double value = 0; in >> value;) values.push_back(value);
  return values;
}

std::vector<GoldenCase> golden_cases() {
  std::ifstream file(test::source_dir() + "/tests/graph/golden/rope.txt");
  std::vector<GoldenCase> cases;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    std::string kind;
    in >> kind;
    if (kind == "case") {
      GoldenCase c;
      RopeSpec& s = c.spec;
      in >> c.name >> s.n_rot >> s.theta >> s.freq_scale >> s.ext_factor >> s.attn_factor >>
          s.beta_fast >> s.beta_slow >> s.n_ctx_orig;
      cases.push_back(c);
    } else if (kind == "factors") {
      for (const double value : numbers(in)) {
        cases.back().factors.push_back(static_cast<float>(value));
      }
    } else if (kind == "freq") {
      cases.back().frequency = numbers(in);
    } else if (kind == "at") {
      GoldenAngles angles;
      in >> angles.position;
      const std::vector<double> values = numbers(in);
      const auto half = static_cast<std::ptrdiff_t>(values.size() / 2);
      angles.cos.assign(values.begin(), values.begin() + half);
      angles.sin.assign(values.begin() + half, values.end());
      cases.back().angles.push_back(angles);
    }
  }
  return cases;
}

TEST(Rope, frequencies_follow_the_papers_for_every_kind_of_scaling) {
  const auto cases = golden_cases();
  ASSERT_EQ(cases.size(), 10u);
  for (const GoldenCase& c : cases) {
    const RopeTable table = rope_table(c.spec, c.factors);
    ASSERT_EQ(table.frequency.size(), c.frequency.size()) << c.name;
    for (size_t i = 0; i < c.frequency.size(); ++i) {
      // pow and the ramp's arithmetic: a few roundings of double.
      EXPECT_NEAR(table.frequency[i], c.frequency[i], c.frequency[i] * 1e-13) << c.name << " " << i;
    }
  }
}

TEST(Rope, cosines_and_sines_are_right_to_float_precision_at_far_positions) {
  for (const GoldenCase& c : golden_cases()) {
    const RopeTable table = rope_table(c.spec, c.factors);
    std::vector<float> cos(table.frequency.size()), sin(cos.size());
    ASSERT_EQ(c.angles.size(), 5u);
    for (const GoldenAngles& golden : c.angles) {
      table.angles(golden.position, cos, sin);
      // Rounding to float (2^-24 of a value below 2), ten printed digits, and an angle whose
      // frequency is right to 1e-13 at position 131071.
      const double bound = table.magnitude * (0x1p-24 + 131071 * 1e-13) + 2e-10;
      for (size_t i = 0; i < cos.size(); ++i) {
        EXPECT_NEAR(cos[i], golden.cos[i], bound) << c.name << " " << golden.position << " " << i;
        EXPECT_NEAR(sin[i], golden.sin[i], bound) << c.name << " " << golden.position << " " << i;
      }
    }
  }
}

TEST(Rope, position_zero_turns_nothing) {
  const RopeTable table = rope_table({.n_rot = 8});
  std::vector<float> cos(4), sin(4);
  table.angles(0, cos, sin);
  EXPECT_EQ(cos, std::vector<float>(4, 1.0f));
  EXPECT_EQ(sin, std::vector<float>(4, 0.0f));
}

TEST(Rope, linear_interpolation_puts_position_n_where_n_over_the_factor_was) {
  const RopeTable plain = rope_table({.n_rot = 64});
  const RopeTable stretched = rope_table({.n_rot = 64, .freq_scale = 0.25f});
  std::vector<float> cos_a(32), sin_a(32), cos_b(32), sin_b(32);
  plain.angles(100, cos_a, sin_a);
  stretched.angles(400, cos_b, sin_b);
  EXPECT_EQ(cos_a, cos_b);
  EXPECT_EQ(sin_a, sin_b);
}

TEST(Rope, yarn_keeps_fast_pairs_and_interpolates_slow_ones) {
  const RopeSpec spec{.n_rot = 128,
                      .theta = 1e6f,
                      .freq_scale = 0.25f,
                      .ext_factor = 1.0f,
                      .attn_factor = 1.5f,
                      .n_ctx_orig = 32768};
  const RopeTable table = rope_table(spec);
  const RopeTable plain = rope_table({.n_rot = 128, .theta = 1e6f});
  EXPECT_EQ(table.frequency.front(), plain.frequency.front());
  EXPECT_NEAR(table.frequency.back(), plain.frequency.back() * 0.25, 1e-18);
  for (size_t i = 0; i < 64; ++i) {
    const double ratio = table.frequency[i] / plain.frequency[i];
    EXPECT_GE(ratio, 0.25 - 1e-12);
    EXPECT_LE(ratio, 1.0 + 1e-12);
  }
  EXPECT_EQ(table.magnitude, spec.attn_factor);  // whole already: nothing is added
}

TEST(Rope, yarn_magnitude_grows_with_the_logarithm_of_the_factor) {
  EXPECT_EQ(yarn_magnitude(1.0f), 1.0f);
  EXPECT_EQ(yarn_magnitude(0.5f), 1.0f);
  EXPECT_FLOAT_EQ(yarn_magnitude(40.0f), 1.0f + 0.1f * std::log(40.0f));
  EXPECT_FLOAT_EQ(yarn_magnitude(40.0f, 0.707f), 1.0f + 0.0707f * std::log(40.0f));
}

TEST(Rope, ntk_theta_stretches_the_slowest_pair_alone) {
  const int n_rot = 64;
  const float stretched = ntk_theta(10000.0f, 4.0f, n_rot);
  const RopeTable plain = rope_table({.n_rot = n_rot});
  const RopeTable ntk = rope_table({.n_rot = n_rot, .theta = stretched});
  EXPECT_EQ(ntk.frequency.front(), plain.frequency.front());
  // theta itself is rounded to float: 2^-24 of it.
  EXPECT_NEAR(ntk.frequency.back() * 4, plain.frequency.back(), plain.frequency.back() * 1e-7);
}

TEST(RopeDeath, an_odd_number_of_dimensions_is_a_programmers_mistake) {
  EXPECT_DEATH(rope_table({.n_rot = 7}), "n_rot");
}

}  // namespace
}  // namespace hearth::graph
