// SPDX-License-Identifier: MIT
// The chain as a whole: distribution, order, determinism, errors, allocation.
#include "sample/sampler.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <map>
#include <new>
#include <random>

#include "tests/sample/oracle.h"

// Counts allocations of the whole test program, for the promise that a step makes none.
static std::atomic<size_t> g_allocations{0};

[[gnu::noinline]] void* operator new(size_t size) {
  ++g_allocations;
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  std::abort();
}
// The sanitizer has its own non-throwing form, which would not match the delete below.
[[gnu::noinline]] void* operator new(size_t size, const std::nothrow_t&) noexcept {
  return ::operator new(size);
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace hearth::sample {
namespace {

constexpr float kForbidden = -std::numeric_limits<float>::infinity();

// Everything off: temperature 1 and no cuts.
SamplerParams plain() {
  SamplerParams params;
  params.temperature = 1;
  params.top_k = 0;
  params.top_p = 1;
  params.min_p = 0;
  params.seed = 1234;
  return params;
}

Sampler make(const SamplerParams& params, size_t n_vocab, size_t n_context = 512,
             std::vector<TokenSequence> breakers = {}) {
  auto sampler = Sampler::create(params, {n_vocab, n_context, std::move(breakers)});
  EXPECT_TRUE(sampler) << sampler.error().message;
  return std::move(*sampler);
}

std::vector<int32_t> draw(Sampler& sampler, std::span<const float> logits, size_t n) {
  std::vector<int32_t> ids;
  for (size_t i = 0; i < n; ++i) {
    ids.push_back(sampler.sample(logits)->id);
    sampler.accept(ids.back());
  }
  return ids;
}

// Pearson's statistic of `n` draws against the probabilities of `tokens`.
double chi_square(Sampler& sampler, std::span<const float> logits, const oracle::Tokens& tokens,
                  size_t n) {
  std::map<int32_t, double> counts;
  for (const int32_t id : draw(sampler, logits, n)) ++counts[id];
  const std::vector<double> p = oracle::probabilities(tokens);
  double statistic = 0;
  double seen = 0;
  for (size_t i = 0; i < tokens.size(); ++i) {
    const double expected = p[i] * static_cast<double>(n);
    const double count = counts[tokens[i].id];
    seen += count;
    statistic += (count - expected) * (count - expected) / expected;
  }
  EXPECT_EQ(seen, static_cast<double>(n)) << "a token outside the expected set was drawn";
  return statistic;
}

const std::vector<float> kTen = {1.0f, 0.5f, 2.0f, -1.0f, 0.0f, 1.5f, 0.2f, -0.3f, 0.8f, 1.1f};

TEST(Sampler, draws_from_the_softmax_of_the_logits) {
  Sampler sampler = make(plain(), kTen.size());
  // 9 degrees of freedom: 99.9 % of right samplers stay below 27.9.
  EXPECT_LT(chi_square(sampler, kTen, oracle::sorted(kTen), 50000), 27.9);
}

TEST(Sampler, draws_from_the_cut_and_heated_distribution) {
  SamplerParams params = plain();
  params.temperature = 0.7;
  params.top_k = 6;
  params.top_p = 0.9;
  params.min_p = 0.2;
  Sampler sampler = make(params, kTen.size());
  oracle::Tokens want =
      oracle::min_p(oracle::top_p(oracle::top_k(oracle::sorted(kTen), 6), 0.9, 0), 0.2, 0);
  ASSERT_EQ(want.size(), 5u);
  for (oracle::Token& t : want) t.logit /= 0.7;
  // 4 degrees of freedom: 99.9 % stay below 18.5.
  EXPECT_LT(chi_square(sampler, kTen, want, 50000), 18.5);
}

TEST(Sampler, xtc_happens_as_often_as_asked) {
  SamplerParams params = plain();
  params.xtc_probability = 0.3;
  params.xtc_threshold = 0.2;
  const std::vector<float> logits = {2, 1, 0};  // 0.665, 0.245, 0.090: the first two are above
  Sampler sampler = make(params, 3);
  std::map<int32_t, double> counts;
  constexpr double kDraws = 50000;
  for (const int32_t id : draw(sampler, logits, static_cast<size_t>(kDraws))) ++counts[id];
  const std::vector<double> p = oracle::probabilities(oracle::sorted(logits));
  // Excluded in 30 %: then the rest shares by p1 : p2.
  const std::array<double, 3> want = {0.7 * p[0], 0.7 * p[1] + 0.3 * p[1] / (p[1] + p[2]),
                                      0.7 * p[2] + 0.3 * p[2] / (p[1] + p[2])};
  double statistic = 0;
  for (int32_t i = 0; i < 3; ++i) {
    const double expected = want[static_cast<size_t>(i)] * kDraws;
    statistic += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  EXPECT_LT(statistic, 13.8);  // 2 degrees of freedom, 99.9 %
}

TEST(Sampler, at_temperature_zero_takes_the_highest_and_of_equals_the_lowest_id) {
  SamplerParams params = plain();
  params.temperature = 0;
  params.xtc_probability = 1;
  params.typical_p = 0.1;
  Sampler sampler = make(params, 5);
  EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 3, 2, 3})->id, 1);
  EXPECT_EQ(sampler.sample(std::vector<float>(5, 0.0f))->id, 0);
}

TEST(Sampler, top_k_of_the_whole_vocabulary_is_top_k_off) {
  oracle::Random random(51);
  const std::vector<float> logits = oracle::random_logits(random, 800);
  std::vector<std::vector<int32_t>> runs;
  for (const int64_t k : {-1, 0, 800, 100000}) {
    SamplerParams params = plain();
    params.top_k = k;
    Sampler sampler = make(params, logits.size());
    runs.push_back(draw(sampler, logits, 200));
  }
  for (const auto& run : runs) EXPECT_EQ(run, runs[0]);
}

TEST(Sampler, gives_the_same_tokens_for_the_same_seed_on_every_machine) {
  oracle::Random random(52);
  std::vector<float> logits(1000);
  // Exact in float, from integers alone, so that the input is the same everywhere too.
  for (float& x : logits) x = static_cast<float>(random.below(4096)) / 256.0f - 8.0f;
  SamplerParams params;
  params.seed = 42;
  params.repeat_penalty = 1.1;
  params.dry_multiplier = 0.8;
  params.xtc_probability = 0.5;
  params.xtc_threshold = 0.02;
  params.typical_p = 0.9;
  params.dynatemp_range = 0.3;
  Sampler sampler = make(params, logits.size());
  const std::vector<int32_t> first = draw(sampler, logits, 16);
  EXPECT_EQ(first, (std::vector<int32_t>{641, 360, 245, 41, 212, 687, 474, 320, 517, 474, 32, 106,
                                         607, 50, 53, 818}));
  sampler.reset();
  EXPECT_EQ(draw(sampler, logits, 16), first);
  params.seed = 43;
  Sampler other = make(params, logits.size());
  EXPECT_NE(draw(other, logits, 16), first);
}

TEST(Sampler, mirostat_is_the_same_on_every_machine_too) {
  oracle::Random random(53);
  std::vector<float> logits(1000);
  for (float& x : logits) x = static_cast<float>(random.below(4096)) / 128.0f - 16.0f;
  SamplerParams params;
  params.seed = 42;
  params.mirostat = 1;
  Sampler one = make(params, logits.size());
  EXPECT_EQ(draw(one, logits, 12),
            (std::vector<int32_t>{420, 963, 405, 358, 851, 587, 2, 194, 851, 156, 288, 288}));
  params.mirostat = 2;
  Sampler two = make(params, logits.size());
  EXPECT_EQ(draw(two, logits, 12),
            (std::vector<int32_t>{358, 903, 204, 288, 358, 204, 204, 358, 507, 269, 725, 873}));
}

TEST(Sampler, a_random_seed_can_be_read_and_repeats_the_run) {
  SamplerParams params = plain();
  params.seed = -1;
  Sampler sampler = make(params, kTen.size());
  const std::vector<int32_t> ids = draw(sampler, kTen, 50);
  params.seed = static_cast<int64_t>(sampler.seed());
  Sampler again = make(params, kTen.size());
  EXPECT_EQ(draw(again, kTen, 50), ids);
}

TEST(Sampler, ends_with_an_error_on_numbers_that_are_not_finite_and_goes_on_after) {
  Sampler sampler = make(plain(), 3);
  const float nan = std::numeric_limits<float>::quiet_NaN();
  for (const std::vector<float>& logits : {std::vector<float>{1, nan, 2},
                                           {nan, nan, nan},
                                           {1, -kForbidden, 2},
                                           {kForbidden, kForbidden, kForbidden}}) {
    const auto result = sampler.sample(logits);
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kNumeric);
  }
  EXPECT_EQ(sampler.sample(std::vector<float>{kForbidden, kForbidden, 0})->id, 2);
}

TEST(Sampler, a_mask_that_forbids_everything_is_an_error_and_otherwise_is_obeyed) {
  Sampler sampler = make(plain(), 70);
  const std::vector<float> logits(70, 1.0f);
  const std::array<uint64_t, 2> none = {};
  ASSERT_FALSE(sampler.sample(logits, none));
  EXPECT_EQ(sampler.sample(logits, none).error().code, ErrorCode::kInvalid);
  const std::array<uint64_t, 2> one = {0, 2};
  for (int i = 0; i < 20; ++i) EXPECT_EQ(sampler.sample(logits, one)->id, 65);
}

TEST(Sampler, refuses_parameters_and_token_ids_that_are_out_of_bounds) {
  SamplerParams params;
  params.temperature = -1;
  EXPECT_FALSE(Sampler::create(params, {10, 10, {}}));
  params = {};
  params.logit_bias = {{10, 1}};
  const auto sampler = Sampler::create(params, {10, 10, {}});
  ASSERT_FALSE(sampler);
  EXPECT_EQ(sampler.error().message, "logit_bias of token 10, the vocabulary has 0 to 9");
}

TEST(Sampler, repetition_is_punished_over_the_window_only) {
  SamplerParams params = plain();
  params.temperature = 0;
  params.presence_penalty = 5;
  params.repeat_last_n = 2;
  Sampler sampler = make(params, 4);
  const std::vector<float> logits = {4, 3, 2, 1};
  EXPECT_EQ(draw(sampler, logits, 7), (std::vector<int32_t>{0, 1, 2, 0, 1, 2, 0}));
}

TEST(Sampler, greedy_takes_the_first_of_the_likeliest_with_and_without_a_mask) {
  SamplerParams params = plain();
  params.temperature = 0;
  std::mt19937 random(7);
  for (const size_t n : {1u, 2u, 15u, 16u, 17u, 33u, 100u}) {
    Sampler sampler = make(params, n);
    // A mask that allows everything makes no difference but goes the way of all other samplers.
    const std::vector<uint64_t> all((n + 63) / 64, ~uint64_t{0});
    for (int round = 0; round < 200; ++round) {
      std::vector<float> logits(n);
      for (float& logit : logits) logit = static_cast<float>(random() % 5) - 2.0f;  // with ties
      if (round % 2 == 0) logits[random() % n] = kForbidden;
      const auto expected = std::max_element(logits.begin(), logits.end());  // the first of them
      if (*expected == kForbidden) continue;
      EXPECT_EQ(sampler.sample(logits)->id, expected - logits.begin());
      EXPECT_EQ(sampler.sample(logits, all)->id, expected - logits.begin());
    }
  }
}

TEST(Sampler, dry_breaks_a_loop_that_greedy_decoding_falls_into) {
  SamplerParams params = plain();
  params.temperature = 0;
  params.dry_multiplier = 2;
  params.dry_allowed_length = 2;
  Sampler sampler = make(params, 4);
  const std::vector<float> logits = {4, 3, 2, 1};
  // 0 0 | the third 0 is free (a match of one token), the fourth costs 2: now 1 is best.
  const std::vector<int32_t> ids = draw(sampler, logits, 4);
  EXPECT_EQ(ids, (std::vector<int32_t>{0, 0, 0, 1}));
}

class MirostatTest : public testing::TestWithParam<int> {};

TEST_P(MirostatTest, holds_the_average_surprise_at_tau) {
  constexpr size_t kVocab = 5000;
  constexpr int kSteps = 4000;
  constexpr double kTau = 4;
  // Zipf-like, as the paper assumes, with an entropy (about 9 bits) well above tau.
  std::vector<float> logits(kVocab);
  for (size_t i = 0; i < kVocab; ++i)
    logits[i] = static_cast<float>(-std::log(1.0 + static_cast<double>(i)));
  const std::vector<double> p = oracle::probabilities(oracle::sorted(logits));
  SamplerParams params = plain();
  params.mirostat = GetParam();
  params.mirostat_tau = kTau;
  params.mirostat_eta = 0.1;
  Sampler sampler = make(params, kVocab);
  double sum = 0;
  for (const int32_t id : draw(sampler, logits, kSteps))
    sum += -std::log2(p[static_cast<size_t>(id)]);
  // mu changes by eta * (tau - surprise) each step, so the average differs from tau by the change
  // of mu over the run / (eta * steps). mu starts at 8 and stays between 0 and the greatest
  // surprise of a token, 15.5 bits.
  EXPECT_NEAR(sum / kSteps, kTau, 15.5 / (0.1 * kSteps));
}

TEST_P(MirostatTest, copes_with_even_certain_and_single_distributions) {
  SamplerParams params = plain();
  params.mirostat = GetParam();
  for (const std::vector<float>& logits :
       {std::vector<float>(50, 1.0f), std::vector<float>{3}, std::vector<float>{kForbidden, 1},
        std::vector<float>{3e38f, -3e38f, 0}}) {
    Sampler sampler = make(params, logits.size());
    for (int i = 0; i < 3000; ++i) {
      const auto sampled = sampler.sample(logits);
      ASSERT_TRUE(sampled);
      ASSERT_GT(logits[static_cast<size_t>(sampled->id)], -3e38f);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Versions, MirostatTest, testing::Values(1, 2));

TEST(Sampler, allocates_nothing_after_the_first_tokens) {
  oracle::Random random(54);
  const std::vector<float> logits = oracle::random_logits(random, 32000);
  SamplerParams cut;
  cut.seed = 1;
  SamplerParams everything = cut;
  everything.top_k = 0;
  everything.typical_p = 0.95;
  everything.repeat_penalty = 1.1;
  everything.dry_multiplier = 0.5;
  everything.xtc_probability = 0.5;
  everything.top_n_sigma = 3;
  everything.dynatemp_range = 0.2;
  SamplerParams mirostat = cut;
  mirostat.mirostat = 1;
  for (const SamplerParams& params : {cut, everything, mirostat}) {
    Sampler sampler = make(params, logits.size(), 4096, {{13}, {14, 15}});
    for (int i = 0; i < 3; ++i) sampler.accept(sampler.sample(logits)->id);
    const size_t before = g_allocations;
    for (int i = 0; i < 20; ++i) sampler.accept(sampler.sample(logits)->id);
    EXPECT_EQ(g_allocations, before);
  }
}

}  // namespace
}  // namespace hearth::sample
