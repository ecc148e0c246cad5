// SPDX-License-Identifier: MIT
#include "sample/logprobs.h"

#include <gtest/gtest.h>

#include "tests/sample/oracle.h"

namespace hearth::sample {
namespace {

TEST(Logprobs, equal_the_definition_in_order_and_value) {
  oracle::Random random(41);
  for (const size_t n : {1u, 2u, 100u, 30000u}) {
    const std::vector<float> logits = oracle::random_logits(random, n);
    const oracle::Tokens tokens = oracle::sorted(logits);
    double sum = 0;
    for (const oracle::Token& t : tokens) sum += std::exp(t.logit - tokens[0].logit);
    const auto top = top_logprobs(logits, 20);
    ASSERT_TRUE(top);
    ASSERT_EQ(top->size(), std::min<size_t>(20, tokens.size()));
    for (size_t i = 0; i < top->size(); ++i) {
      EXPECT_EQ((*top)[i].id, tokens[i].id);
      const double want = tokens[i].logit - tokens[0].logit - std::log(sum);
      // A sum of n terms in another order: n rounding errors; and those of log and subtraction.
      const double bound =
          2.3e-16 * (static_cast<double>(n) + 8 * (1 + std::fabs(tokens[0].logit)));
      EXPECT_NEAR((*top)[i].logprob, want, bound);
    }
  }
}

TEST(Logprobs, of_everything_sum_to_one) {
  oracle::Random random(42);
  const std::vector<float> logits = oracle::random_logits(random, 1000);
  double sum = 0;
  const auto all = top_logprobs(logits, 5000);
  ASSERT_TRUE(all);
  for (const TokenLogprob& t : *all) sum += std::exp(t.logprob);
  EXPECT_NEAR(sum, 1, 1e-12);
}

TEST(Logprobs, of_the_chosen_token_do_not_depend_on_its_being_among_the_top) {
  const std::vector<float> logits = {1, 5, 3, -1000};
  const auto position = position_logprobs(logits, 0, 2);
  ASSERT_TRUE(position);
  EXPECT_EQ(position->top.size(), 2u);
  EXPECT_EQ(position->chosen, top_logprobs(logits, 3)->back());
  EXPECT_LT(position_logprobs(logits, 3, 0)->chosen.logprob, -1000);
}

TEST(Logprobs, of_numbers_that_are_not_finite_are_an_error_of_their_own) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& logits :
       {std::vector<float>{1, nan, 2}, {nan}, {1, kInf}, {-kInf, -kInf}, {kInf, nan}}) {
    const auto top = top_logprobs(logits, 1);
    ASSERT_FALSE(top);
    EXPECT_EQ(top.error().code, ErrorCode::kNumeric);
    EXPECT_FALSE(position_logprobs(logits, 0, 1));
    EXPECT_FALSE(log_normalizer(logits));
  }
  EXPECT_TRUE(top_logprobs(std::vector<float>{-kInf, 0}, 1));
}

TEST(CheckedHighest, one_bad_logit_is_found_wherever_it_stands) {
  constexpr float kInf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (size_t n = 1; n <= 50; ++n) {
    std::vector<float> logits(n, -3.0f);
    for (size_t i = 0; i < n; ++i) {
      logits[i] = 2.0f;
      EXPECT_EQ(*checked_highest(logits), 2.0f) << n << ' ' << i;
      logits[i] = nan;
      EXPECT_FALSE(checked_highest(logits)) << n << ' ' << i;
      logits[i] = kInf;
      EXPECT_FALSE(checked_highest(logits)) << n << ' ' << i;
      logits[i] = -kInf;
      const auto rest = checked_highest(logits);
      if (n == 1) {
        EXPECT_FALSE(rest);
      } else {
        EXPECT_EQ(*rest, -3.0f) << n << ' ' << i;
      }
      logits[i] = -3.0f;
    }
  }
}

}  // namespace
}  // namespace hearth::sample
