// SPDX-License-Identifier: MIT
// Selection against full sorts.
#include "sample/candidates.h"

#include <gtest/gtest.h>

#include <numeric>

#include "tests/sample/oracle.h"

namespace hearth::sample {
namespace {

std::vector<int32_t> ids_in_order(const Candidates& candidates) {
  std::vector<int32_t> ids;
  for (const Candidate& c : candidates.items()) ids.push_back(c.id);
  return ids;
}

TEST(Candidates, selecting_the_top_k_equals_sorting_everything) {
  oracle::Random random(11);
  for (const size_t n : {1u, 2u, 40u, 1023u, 1024u, 1025u, 5000u, 50000u}) {
    for (int round = 0; round < 4; ++round) {
      const std::vector<float> logits = oracle::random_logits(random, n);
      for (const size_t k : {size_t{1}, size_t{2}, size_t{40}, size_t{255}, size_t{256},
                             size_t{257}, n / 2 + 1, n}) {
        Candidates candidates;
        candidates.take_top(logits, k);
        ASSERT_EQ(ids_in_order(candidates), oracle::ids(oracle::top_k(oracle::sorted(logits), k)))
            << n << " " << k;
        ASSERT_EQ(candidates.n_sorted(), candidates.size());
      }
    }
  }
}

TEST(Candidates, rising_falling_and_equal_logits_are_selected_right) {
  constexpr size_t kN = 20000;
  std::vector<float> rising(kN);
  std::iota(rising.begin(), rising.end(), 0.0f);
  const std::vector<float> falling(rising.rbegin(), rising.rend());
  const std::vector<float> equal(kN, 1.5f);
  for (const std::vector<float>& logits : {rising, falling, equal}) {
    Candidates candidates;
    candidates.take_top(logits, 50);
    EXPECT_EQ(ids_in_order(candidates), oracle::ids(oracle::top_k(oracle::sorted(logits), 50)));
  }
  Candidates candidates;
  candidates.take_top(equal, 3);
  EXPECT_EQ(ids_in_order(candidates), (std::vector<int32_t>{0, 1, 2}));
}

TEST(Candidates, forbidden_tokens_are_never_taken) {
  const float forbidden = -std::numeric_limits<float>::infinity();
  const std::vector<float> logits = {forbidden, 1, forbidden, -5, forbidden};
  Candidates candidates;
  candidates.take_all(logits);
  EXPECT_EQ(ids_in_order(candidates), (std::vector<int32_t>{1, 3}));
  candidates.take_top(logits, 4);
  EXPECT_EQ(ids_in_order(candidates), (std::vector<int32_t>{1, 3}));
}

TEST(Candidates, a_prefix_grown_step_by_step_equals_the_full_sort) {
  oracle::Random random(12);
  const std::vector<float> logits = oracle::random_logits(random, 3000);
  Candidates candidates;
  candidates.take_all(logits);
  const std::vector<int32_t> want = oracle::ids(oracle::sorted(logits));
  EXPECT_EQ(candidates.best().id, want[0]);
  for (const size_t n : {1u, 2u, 10u, 256u, 257u, 1000u, 9999u}) {
    candidates.sort_prefix(n);
    const size_t held = std::min<size_t>(n, want.size());
    ASSERT_EQ(candidates.n_sorted(), held);
    for (size_t i = 0; i < held; ++i) ASSERT_EQ(candidates[i].id, want[i]);
  }
}

TEST(Candidates, filtering_keeps_the_order_and_knows_what_is_still_sorted) {
  oracle::Random random(13);
  const std::vector<float> logits = oracle::random_logits(random, 1000);
  Candidates candidates;
  candidates.take_all(logits);
  candidates.sort_prefix(100);
  const std::vector<int32_t> before = ids_in_order(candidates);
  candidates.keep_if([](const Candidate& c) { return c.id % 3 == 0; });
  std::vector<int32_t> want;
  for (const int32_t id : before) {
    if (id % 3 == 0) want.push_back(id);
  }
  EXPECT_EQ(ids_in_order(candidates), want);
  const auto in_prefix =
      std::count_if(before.begin(), before.begin() + 100, [](int32_t id) { return id % 3 == 0; });
  EXPECT_EQ(candidates.n_sorted(), static_cast<size_t>(in_prefix));
}

TEST(Candidates, softmax_agrees_with_the_definition) {
  oracle::Random random(14);
  const std::vector<float> logits = oracle::random_logits(random, 500);
  Candidates candidates;
  candidates.take_top(logits, 500);
  candidates.softmax();
  const std::vector<double> want = oracle::probabilities(oracle::sorted(logits));
  ASSERT_EQ(candidates.size(), want.size());
  // Two exps of 4 ulp, a sum of 500 terms and a division.
  for (size_t i = 0; i < want.size(); ++i)
    EXPECT_NEAR(candidates[i].p, want[i], 520 * 2.3e-16 * want[i]);
}

}  // namespace
}  // namespace hearth::sample
