// SPDX-License-Identifier: MIT
// Penalties and DRY against their published descriptions.
#include "sample/penalties.h"

#include <gtest/gtest.h>

#include <map>

#include "sample/dry.h"
#include "sample/dry_breakers.h"
#include "tests/sample/oracle.h"

namespace hearth::sample {
namespace {

TEST(Penalties, equal_their_definition_on_a_sliding_window) {
  oracle::Random random(31);
  constexpr size_t kVocab = 12;
  for (const size_t window : {1u, 4u, 50u}) {
    const PenaltyStrength strength{1.3, 0.4, 0.25};
    Penalties penalties(strength, window, kVocab);
    std::vector<int32_t> history;
    for (int step = 0; step < 120; ++step) {
      std::vector<float> logits(kVocab);
      for (float& x : logits) x = static_cast<float>(3 * random.normal());
      std::vector<float> want = logits;
      std::map<int32_t, int> counts;
      for (size_t i = history.size() - std::min(window, history.size()); i < history.size(); ++i)
        ++counts[history[i]];
      for (const auto& [id, count] : counts) {
        double x = want[static_cast<size_t>(id)];
        x = x > 0 ? x / 1.3 : x * 1.3;
        want[static_cast<size_t>(id)] = static_cast<float>(x - 0.4 - 0.25 * count);
      }
      penalties.apply(logits);
      ASSERT_EQ(logits, want) << step;
      history.push_back(static_cast<int32_t>(random.below(kVocab)));
      penalties.accept(history.back());
    }
    penalties.clear();
    std::vector<float> logits(kVocab, 1.0f);
    penalties.apply(logits);
    EXPECT_EQ(logits, std::vector<float>(kVocab, 1.0f));
  }
}

TEST(Penalties, at_neutral_strength_or_with_no_window_change_nothing) {
  for (Penalties penalties : {Penalties({}, 8, 4), Penalties({2, 1, 1}, 0, 4)}) {
    penalties.accept(1);
    std::vector<float> logits = {1, 2, 3, 4};
    penalties.apply(logits);
    EXPECT_EQ(logits, (std::vector<float>{1, 2, 3, 4}));
  }
}

TEST(Penalties, leave_forbidden_tokens_forbidden_and_finite_ones_finite) {
  Penalties penalties({0.01, -100, -100}, 8, 3);
  for (const int32_t id : {0, 1, 2}) penalties.accept(id);
  const float forbidden = -std::numeric_limits<float>::infinity();
  std::vector<float> logits = {forbidden, 3e38f, -3e38f};
  penalties.apply(logits);
  EXPECT_EQ(logits[0], forbidden);
  EXPECT_EQ(logits[1], std::numeric_limits<float>::max());
  EXPECT_TRUE(std::isfinite(logits[2]));
}

// DRY by its description: for each place where the text's end has stood before, the token after it
// is penalized by the length of the longest match, cut at the last breaker.
std::vector<float> dry_by_definition(std::vector<int32_t> text, const DryParams& params,
                                     const std::vector<TokenSequence>& breakers, size_t n_vocab) {
  if (text.size() > params.window)
    text.erase(text.begin(), text.end() - static_cast<long>(params.window));
  size_t limit = text.size();
  for (const TokenSequence& breaker : breakers) {
    for (size_t at = 0; at + breaker.size() <= text.size(); ++at) {
      if (std::equal(breaker.begin(), breaker.end(), text.begin() + static_cast<long>(at)))
        limit = std::min(limit, text.size() - at - breaker.size());
    }
  }
  std::vector<float> logits(n_vocab, 0.0f);
  for (size_t next = 1; next < text.size(); ++next) {
    size_t n = 0;
    while (n < next && n < limit && text[next - 1 - n] == text[text.size() - 1 - n]) ++n;
    if (n < params.allowed_length) continue;
    const int32_t id = text[next];
    if (std::find(breakers.begin(), breakers.end(), TokenSequence{id}) != breakers.end()) continue;
    const double penalty =
        params.multiplier * std::pow(params.base, static_cast<double>(n - params.allowed_length));
    float& logit = logits[static_cast<size_t>(id)];
    logit = std::min(logit, static_cast<float>(-penalty));
  }
  return logits;
}

std::vector<float> dry_of(const std::vector<int32_t>& text, const DryParams& params,
                          const std::vector<TokenSequence>& breakers, size_t n_vocab) {
  Dry dry(params, breakers, n_vocab);
  for (const int32_t id : text) dry.accept(id);
  std::vector<float> logits(n_vocab, 0.0f);
  dry.apply(logits);
  // A second call must find its tables clean.
  std::vector<float> again(n_vocab, 0.0f);
  dry.apply(again);
  EXPECT_EQ(again, logits);
  return logits;
}

TEST(Dry, penalizes_the_token_that_would_continue_the_repetition) {
  // "1 2 3 4 … 1 2 3": a 4 would repeat four tokens.
  const DryParams params{0.8, 1.75, 2, 64};
  const std::vector<float> logits = dry_of({1, 2, 3, 4, 5, 1, 2, 3}, params, {}, 8);
  std::vector<float> want(8, 0.0f);
  want[4] = static_cast<float>(-0.8 * 1.75);
  EXPECT_EQ(logits, want);
}

TEST(Dry, repetitions_shorter_than_allowed_are_free) {
  EXPECT_EQ(dry_of({1, 2, 3, 4, 5, 1, 2, 3}, {0.8, 1.75, 4, 64}, {}, 8),
            std::vector<float>(8, 0.0f));
}

TEST(Dry, a_breaker_stops_the_match_and_is_never_penalized) {
  const DryParams params{1, 2, 1, 64};
  // 9 stands between: only the "3" after it may match.
  std::vector<float> want(10, 0.0f);
  want[4] = -1;
  EXPECT_EQ(dry_of({1, 9, 3, 4, 5, 1, 9, 3}, params, {{9}}, 10), want);
  // The continuation is the breaker itself.
  EXPECT_EQ(dry_of({1, 2, 9, 5, 1, 2}, params, {{9}}, 10), std::vector<float>(10, 0.0f));
  // A breaker of two tokens at the very end leaves nothing to match.
  EXPECT_EQ(dry_of({7, 8, 1, 7, 8}, params, {{7, 8}}, 10), std::vector<float>(10, 0.0f));
}

TEST(Dry, equals_its_description_on_random_texts_with_random_breakers) {
  oracle::Random random(32);
  for (int round = 0; round < 3000; ++round) {
    const size_t n_vocab = 2 + random.below(6);
    std::vector<int32_t> text(random.below(60));
    for (int32_t& id : text) id = static_cast<int32_t>(random.below(n_vocab));
    std::vector<TokenSequence> breakers(random.below(4));
    for (TokenSequence& breaker : breakers) {
      breaker.resize(1 + random.below(4));
      for (int32_t& id : breaker) id = static_cast<int32_t>(random.below(n_vocab));
    }
    const DryParams params{0.5, 1.5, 1 + random.below(4), 1 + random.below(70)};
    const std::vector<float> got = dry_of(text, params, breakers, n_vocab);
    const std::vector<float> want = dry_by_definition(text, params, breakers, n_vocab);
    for (size_t i = 0; i < n_vocab; ++i) {
      // Both are one float rounding away from the same number.
      ASSERT_NEAR(got[i], want[i], 1.2e-7 * std::fabs(want[i])) << round;
    }
  }
}

TEST(Dry, a_text_of_one_token_over_and_over_stays_finite) {
  const DryParams params{100, 100, 1, 4096};
  const std::vector<float> logits = dry_of(std::vector<int32_t>(4096, 1), params, {}, 3);
  EXPECT_EQ(logits[1], -std::numeric_limits<float>::max());
  EXPECT_EQ(logits[0], 0);
}

TEST(Dry, is_off_without_multiplier_or_window) {
  const std::vector<int32_t> text = {1, 1, 1, 1, 1};
  EXPECT_EQ(dry_of(text, {0, 2, 1, 64}, {}, 3), std::vector<float>(3, 0.0f));
  EXPECT_EQ(dry_of(text, {1, 2, 1, 0}, {}, 3), std::vector<float>(3, 0.0f));
}

TEST(DryBreakers, are_the_tokens_that_contain_or_begin_the_text) {
  const std::vector<std::string> pieces = {"a", "b", "ab", "xa", "xab", "by", "c"};
  const auto piece = [&](int32_t id) { return std::string_view(pieces[static_cast<size_t>(id)]); };
  const auto tokenize = [&](std::string_view text) {
    std::vector<int32_t> ids;
    for (const char c : text) {
      for (size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i] == std::string(1, c)) ids.push_back(static_cast<int32_t>(i));
      }
    }
    return ids;
  };
  const auto sequences = dry_breaker_sequences({"ab", ""}, pieces.size(), piece, tokenize);
  // "a" then "b"; "ab"; "xa" then "b"; "xab".
  EXPECT_EQ(sequences, (std::vector<TokenSequence>{{0, 1}, {2}, {3, 1}, {4}}));
}

}  // namespace
}  // namespace hearth::sample
