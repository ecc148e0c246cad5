// SPDX-License-Identifier: MIT
// Each sampler against its definition (oracle.h), both on sorted and on unsorted candidates.
#include "sample/stages.h"

#include <gtest/gtest.h>

#include <functional>
#include <numeric>

#include "tests/sample/oracle.h"

namespace hearth::sample {
namespace {

using oracle::Tokens;
constexpr float kOut = -std::numeric_limits<float>::infinity();

// Runs `cut` over random vocabularies of several sizes, taken unsorted and sorted.
void expect_equal_to(const std::function<Tokens(const Tokens&)>& want,
                     const std::function<void(Candidates&)>& cut) {
  oracle::Random random(21);
  for (const size_t n : {1u, 2u, 7u, 300u, 2500u}) {
    for (int round = 0; round < 20; ++round) {
      const std::vector<float> logits = oracle::random_logits(random, n);
      const std::vector<int32_t> expected = oracle::ids(want(oracle::sorted(logits)));
      Candidates unsorted;
      unsorted.take_all(logits);
      cut(unsorted);
      ASSERT_EQ(oracle::sorted_ids(unsorted), expected) << n;
      Candidates sorted;
      sorted.take_top(logits, n);
      cut(sorted);
      ASSERT_EQ(oracle::sorted_ids(sorted), expected) << n;
      ASSERT_FALSE(expected.empty());
    }
  }
}

TEST(Stages, top_p_equals_its_definition) {
  for (const double p : {0.0, 0.1, 0.5, 0.95, 0.9999, 1.0}) {
    for (const size_t keep : {0u, 1u, 5u, 400u}) {
      expect_equal_to([=](const Tokens& t) { return p < 1 ? oracle::top_p(t, p, keep) : t; },
                      [=](Candidates& c) { cut_top_p(c, p, keep); });
    }
  }
}

TEST(Stages, min_p_equals_its_definition) {
  for (const double p : {0.0, 0.001, 0.05, 0.5, 1.0}) {
    for (const size_t keep : {0u, 1u, 5u, 400u}) {
      expect_equal_to([=](const Tokens& t) { return p > 0 ? oracle::min_p(t, p, keep) : t; },
                      [=](Candidates& c) { cut_min_p(c, p, keep); });
    }
  }
}

TEST(Stages, typical_equals_its_definition) {
  for (const double p : {0.0, 0.2, 0.7, 0.99, 1.0}) {
    for (const size_t keep : {0u, 1u, 5u, 400u}) {
      expect_equal_to([=](const Tokens& t) { return p < 1 ? oracle::typical(t, p, keep) : t; },
                      [=](Candidates& c) { TypicalCut()(c, p, keep); });
    }
  }
}

TEST(Stages, xtc_removes_all_top_choices_but_the_least) {
  for (const double threshold : {0.0, 0.01, 0.1, 0.3, 0.5}) {
    expect_equal_to([=](const Tokens& t) { return oracle::xtc(t, threshold); },
                    [=](Candidates& c) { cut_xtc(c, 0.0, 1.0, threshold, 0); });
  }
}

TEST(Stages, xtc_acts_only_below_its_probability_and_threshold) {
  const std::vector<float> logits = {2, 2, 2, 0};
  for (const auto& [draw, probability, threshold, keep] :
       {std::tuple{0.5, 0.5, 0.1, size_t{0}}, std::tuple{0.0, 0.0, 0.1, size_t{0}},
        std::tuple{0.0, 1.0, 0.51, size_t{0}}, std::tuple{0.0, 1.0, 0.1, size_t{3}}}) {
    Candidates candidates;
    candidates.take_all(logits);
    cut_xtc(candidates, draw, probability, threshold, keep);
    EXPECT_EQ(candidates.size(), 4u);
  }
  Candidates candidates;
  candidates.take_all(logits);
  cut_xtc(candidates, 0.49, 0.5, 0.1, 2);
  // Of three equal top choices the one of the highest id ranks last and stays.
  EXPECT_EQ(oracle::sorted_ids(candidates), (std::vector<int32_t>{2, 3}));
}

TEST(Stages, top_n_sigma_equals_its_definition) {
  for (const double n_sigma : {0.01, 0.5, 1.0, 2.0, 10.0}) {
    oracle::Random random(22);
    for (const size_t n : {1u, 2u, 300u, 2500u}) {
      std::vector<float> logits = oracle::random_logits(random, n);
      const Tokens want = oracle::top_n_sigma(oracle::sorted(logits), n_sigma);
      apply_top_n_sigma(logits, n_sigma);
      EXPECT_EQ(oracle::ids(oracle::sorted(logits)), oracle::ids(want)) << n_sigma << " " << n;
    }
  }
  std::vector<float> untouched = {1, 2, 3};
  apply_top_n_sigma(untouched, 0);
  apply_top_n_sigma(untouched, -1);
  EXPECT_EQ(untouched, (std::vector<float>{1, 2, 3}));
}

TEST(Stages, temperature_divides_the_logits_whatever_their_offset) {
  const std::vector<float> logits = {3, 1, -2, 100};
  for (const double t : {0.25, 1.0, 4.0}) {
    Candidates candidates;
    candidates.take_all(logits);
    apply_temperature(candidates, t);
    for (size_t i = 0; i < candidates.size(); ++i) {
      const double want = (static_cast<double>(logits[i]) - 100) / t;
      EXPECT_NEAR(candidates[i].logit - candidates[3].logit, want, 1e-13 * std::fabs(want));
    }
  }
}

TEST(Stages, the_smallest_temperatures_leave_the_likeliest_and_no_nan) {
  for (const double t : {0.0, 5e-324, 1e-300}) {
    Candidates candidates;
    candidates.take_all(std::vector<float>{1, 3, 2});
    apply_temperature(candidates, t);
    candidates.softmax();
    EXPECT_EQ(candidates.best().id, 1);
    EXPECT_EQ(candidates.best().p, 1);
  }
}

TEST(Stages, dynamic_temperature_follows_the_entropy) {
  oracle::Random random(23);
  for (int round = 0; round < 50; ++round) {
    const std::vector<float> logits = oracle::random_logits(random, 200);
    const Tokens tokens = oracle::sorted(logits);
    const double t = 0.5 + random.uniform();
    const double range = random.uniform();
    const double exponent = 0.5 + random.uniform();
    const double share = oracle::entropy(tokens) / std::log(static_cast<double>(tokens.size()));
    const double low = std::max(0.0, t - range);
    const double want = low + (t + range - low) * std::pow(share, exponent);
    Candidates candidates;
    candidates.take_top(logits, logits.size());
    apply_dynamic_temperature(candidates, t, range, exponent);
    const double span = tokens.back().logit - tokens.front().logit;
    EXPECT_NEAR(span / (candidates[candidates.size() - 1].logit - candidates[0].logit), want,
                1e-10);
  }
}

TEST(Stages, an_even_distribution_gets_the_highest_dynamic_temperature) {
  Candidates candidates;
  candidates.take_all(std::vector<float>(7, 1.0f));
  apply_dynamic_temperature(candidates, 1, 0.5, 1);
  candidates.softmax();
  for (const Candidate& c : candidates.items()) EXPECT_NEAR(c.p, 1.0 / 7, 1e-15);
}

TEST(Stages, a_mask_forbids_exactly_the_tokens_whose_bit_is_clear) {
  for (const size_t n : {1u, 63u, 64u, 65u, 200u}) {
    std::vector<float> logits(n, 1.0f);
    std::vector<uint64_t> mask((n + 63) / 64);
    for (size_t i = 0; i < n; i += 3) mask[i / 64] |= uint64_t{1} << (i % 64);
    apply_mask(logits, mask);
    for (size_t i = 0; i < n; ++i) EXPECT_EQ(logits[i], i % 3 == 0 ? 1.0f : kOut) << i;
  }
  std::vector<float> logits = {1, 2};
  apply_mask(logits, {});
  EXPECT_EQ(logits, (std::vector<float>{1, 2}));
}

TEST(Stages, a_bias_is_added_and_never_overflows_to_infinity) {
  std::vector<float> logits = {1, 2, 3e38f, -3e38f, kOut};
  const double infinity = std::numeric_limits<double>::infinity();
  apply_logit_bias(
      logits, std::vector<LogitBias>{{0, 1.5}, {1, -infinity}, {2, 1e300}, {3, -1e300}, {4, 50}});
  EXPECT_EQ(logits[0], 2.5f);
  EXPECT_EQ(logits[1], kOut);
  EXPECT_EQ(logits[2], std::numeric_limits<float>::max());
  EXPECT_EQ(logits[3], -std::numeric_limits<float>::max());
  EXPECT_EQ(logits[4], kOut);
}

TEST(Stages, a_draw_falls_on_the_token_that_owns_that_part_of_the_interval) {
  Candidates candidates;
  candidates.take_all(std::vector<float>{0, 0, 0, 0});
  candidates.softmax();
  EXPECT_EQ(pick(candidates, 0.0), 0u);
  EXPECT_EQ(pick(candidates, 0.2499), 0u);
  EXPECT_EQ(pick(candidates, 0.25), 1u);
  EXPECT_EQ(pick(candidates, 0.74), 2u);
  EXPECT_EQ(pick(candidates, 1 - 0x1p-53), 3u);
}

TEST(Stages, a_token_of_probability_zero_is_never_drawn) {
  Candidates candidates;
  candidates.take_all(std::vector<float>{-3e38f, 0, -3e38f});
  candidates.softmax();
  for (const double draw : {0.0, 0.5, 1 - 0x1p-53}) EXPECT_EQ(pick(candidates, draw), 1u);
}

}  // namespace
}  // namespace hearth::sample
