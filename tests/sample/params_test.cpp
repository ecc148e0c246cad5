// SPDX-License-Identifier: MIT
#include "sample/params.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <set>

namespace hearth::sample {
namespace {

constexpr double kInf = std::numeric_limits<double>::infinity();
constexpr int64_t kIntMin = std::numeric_limits<int64_t>::min();

double lowest(const SamplerField& field) {
  return std::visit([](const auto& r) { return static_cast<double>(r.min); }, field.range);
}
double highest(const SamplerField& field) {
  return std::visit([](const auto& r) { return static_cast<double>(r.max); }, field.range);
}
bool is_real(const SamplerField& field) { return std::holds_alternative<RealRange>(field.range); }

// A refusal must name the field, leave the parameters alone and show the range.
void expect_refused(const SamplerField& field, Number value) {
  SamplerParams params;
  const Status status = set_field(params, field, value);
  ASSERT_FALSE(status) << field.name;
  EXPECT_EQ(status.error().code, ErrorCode::kInvalid);
  EXPECT_NE(status.error().message.find(field.name), std::string::npos) << status.error().message;
  EXPECT_NE(status.error().message.find(" to "), std::string::npos) << status.error().message;
  EXPECT_EQ(params, SamplerParams{});
}

void expect_taken(const SamplerField& field, Number value) {
  SamplerParams params;
  const Status status = set_field(params, field, value);
  ASSERT_TRUE(status) << status.error().message;
  const auto as_double = [](Number n) {
    return std::visit([](auto x) { return static_cast<double>(x); }, n);
  };
  EXPECT_EQ(as_double(field_value(params, field)), as_double(value)) << field.name;
  EXPECT_TRUE(validate(params));
}

TEST(SamplerParams, defaults_are_those_of_llama_cpp_and_valid) {
  const SamplerParams params;
  EXPECT_TRUE(validate(params));
  EXPECT_EQ(params.temperature, 0.8);
  EXPECT_EQ(params.top_k, 40);
  EXPECT_EQ(params.top_p, 0.95);
  EXPECT_EQ(params.min_p, 0.05);
  EXPECT_EQ(params.repeat_last_n, 64);
  EXPECT_EQ(params.seed, -1);
}

TEST(SamplerParams, every_name_and_flag_occurs_once) {
  std::set<std::string> seen;
  for (const SamplerField& field : sampler_fields()) {
    EXPECT_TRUE(seen.insert(std::string(field.name)).second) << field.name;
    EXPECT_EQ(find_sampler_field(field.name), &field);
    EXPECT_FALSE(field.help.empty());
    std::string_view flags = field.flags;
    while (!flags.empty()) {
      const size_t comma = std::min(flags.find(','), flags.size());
      EXPECT_TRUE(seen.insert(std::string(flags.substr(0, comma))).second) << flags;
      flags.remove_prefix(std::min(flags.size(), comma + 1));
    }
  }
  EXPECT_EQ(find_sampler_field("temprature"), nullptr);
}

TEST(SamplerParams, every_field_takes_exactly_its_range) {
  for (const SamplerField& field : sampler_fields()) {
    for (const int64_t value :
         {kIntMin, int64_t{-2}, int64_t{-1}, int64_t{0}, int64_t{1}, int64_t{2}, int64_t{1} << 31,
          std::numeric_limits<int64_t>::max()}) {
      const double real = static_cast<double>(value);
      // 2^63 - 1 rounds to 2^63 as a double, which is also how seed's maximum reads.
      const bool inside = real >= lowest(field) && real <= highest(field);
      inside ? expect_taken(field, value) : expect_refused(field, value);
    }
    if (is_real(field)) {
      expect_taken(field, lowest(field));
      expect_taken(field, highest(field));
      expect_refused(field, std::nextafter(lowest(field), -kInf));
      expect_refused(field, std::nextafter(highest(field), kInf));
    } else {
      const auto& range = std::get<IntRange>(field.range);
      expect_taken(field, range.min);
      expect_taken(field, range.max);
      expect_refused(field, range.min - 1);
      if (range.max < std::numeric_limits<int64_t>::max()) expect_refused(field, range.max + 1);
    }
    for (const double value : {std::nan(""), kInf, -kInf, 0x1p63, -0x1p64, 1e300})
      expect_refused(field, value);
  }
}

TEST(SamplerParams, an_integer_field_takes_a_real_only_when_it_is_whole) {
  SamplerParams params;
  const SamplerField& top_k = *find_sampler_field("top_k");
  EXPECT_TRUE(set_field(params, top_k, 12.0));
  EXPECT_EQ(params.top_k, 12);
  const Status status = set_field(params, top_k, 12.5);
  ASSERT_FALSE(status);
  EXPECT_EQ(status.error().message, "top_k is 12.5, a whole number is wanted");
}

TEST(SamplerParams, text_must_be_the_number_and_nothing_else) {
  SamplerParams params;
  const SamplerField& temperature = *find_sampler_field("temperature");
  const SamplerField& seed = *find_sampler_field("seed");
  EXPECT_TRUE(set_field_from_text(params, temperature, "0.25"));
  EXPECT_TRUE(set_field_from_text(params, seed, "+9223372036854775807"));
  EXPECT_EQ(params.temperature, 0.25);
  EXPECT_EQ(params.seed, std::numeric_limits<int64_t>::max());
  for (const char* bad : {"", " 1", "1 ", "1x", "x", "--1", "+-1", "0x1", "nan", "inf", "-inf",
                          "1e999", "1,5", "101"})
    EXPECT_FALSE(set_field_from_text(params, temperature, bad)) << bad;
  for (const char* bad : {"", "1.0", "9223372036854775808", "-2", "-9223372036854775809"})
    EXPECT_FALSE(set_field_from_text(params, seed, bad)) << bad;
  EXPECT_EQ(params.temperature, 0.25);
  const Status status = set_field_from_text(params, temperature, "hot");
  EXPECT_EQ(status.error().message, "temperature is 'hot', allowed is 0 to 100");
}

TEST(SamplerParams, validate_finds_a_field_that_was_set_past_the_table) {
  SamplerParams params;
  params.top_p = std::nan("");
  ASSERT_FALSE(validate(params));
  EXPECT_EQ(validate(params).error().message, "top_p is nan, allowed is 0 to 1");
  params = {};
  params.logit_bias = {{3, kInf}};
  EXPECT_FALSE(validate(params));
  params.logit_bias = {{3, -kInf}};
  EXPECT_TRUE(validate(params));
}

TEST(LogitBias, is_a_token_a_sign_and_a_number) {
  EXPECT_EQ(*parse_logit_bias("15043+1.5"), (LogitBias{15043, 1.5}));
  EXPECT_EQ(*parse_logit_bias("15043-1"), (LogitBias{15043, -1}));
  EXPECT_EQ(*parse_logit_bias("7-inf"), (LogitBias{7, -kInf}));
  for (const char* bad :
       {"", "5", "+1", "-5+1", "x+1", "5+", "5+nan", "5+inf", "5+1x", "5 +1", "99999999999+1"})
    EXPECT_FALSE(parse_logit_bias(bad)) << bad;
}

}  // namespace
}  // namespace hearth::sample
