// SPDX-License-Identifier: MIT
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <vector>

namespace hearth {
namespace {

Result<int> half_of(int value) {
  if (value % 2 != 0) return with_hint(invalid("{} is odd", value), "try {}", value + 1);
  return value / 2;
}

Result<int> quarter_of(int value) {
  TRY_LET(const int half, half_of(value));
  TRY_LET(const int quarter, half_of(half));
  return quarter;
}

Status check_even(int value) {
  TRY(half_of(value));
  return {};
}

TEST(Result, try_let_gives_the_value_or_returns_the_error) {
  EXPECT_EQ(*quarter_of(12), 3);
  const auto failed = quarter_of(6);
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kInvalid);
  EXPECT_EQ(failed.error().message, "3 is odd");
  EXPECT_EQ(failed.error().hint, "try 4");
}

TEST(Result, try_passes_an_error_on_and_goes_on_otherwise) {
  EXPECT_TRUE(check_even(2).has_value());
  EXPECT_EQ(check_even(5).error().message, "5 is odd");
}

Result<std::unique_ptr<int>> boxed(int value) { return std::make_unique<int>(value); }

Result<int> unboxed(int value) {
  TRY_LET(const std::unique_ptr<int> box, boxed(value));
  return *box;
}

TEST(Result, try_let_moves_values_that_cannot_be_copied) { EXPECT_EQ(*unboxed(7), 7); }

TEST(Result, within_adds_the_context_of_each_layer_and_keeps_code_and_hint) {
  const Result<int> inner = with_hint(corrupt("offset past the end"), "fetch it again");
  const Result<int> outer = within("model.gguf", within("tensor 'x'", inner));
  EXPECT_EQ(outer.error().message, "model.gguf: tensor 'x': offset past the end");
  EXPECT_EQ(outer.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(outer.error().hint, "fetch it again");
  EXPECT_EQ(*within("anything", Result<int>(3)), 3);
}

TEST(Result, every_error_code_has_a_name_of_its_own) {
  std::set<std::string_view> names;
  for (int code = 0; code <= static_cast<int>(ErrorCode::kInternal); ++code) {
    names.insert(error_code_name(static_cast<ErrorCode>(code)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(ErrorCode::kInternal) + 1);
  EXPECT_EQ(error_code_name(ErrorCode::kNotFound), "not_found");
}

}  // namespace
}  // namespace hearth
