// SPDX-License-Identifier: MIT
#include "base/function_ref.h"

#include <gtest/gtest.h>

#include <memory>

namespace hearth {
namespace {

int apply(FunctionRef<int(int)> function, int value) { return function(value); }

TEST(FunctionRef, calls_lambdas_and_objects_without_copying_them) {
  int calls = 0;
  const auto count = [&calls](int value) { return calls += value; };
  EXPECT_EQ(apply(count, 2), 2);
  EXPECT_EQ(apply(count, 3), 5);
  struct Counter {
    std::unique_ptr<int> cannot_be_copied = std::make_unique<int>(0);
    int operator()(int value) { return *cannot_be_copied += value; }
  } counter;
  EXPECT_EQ(apply(counter, 4), 4);
  EXPECT_EQ(apply(counter, 4), 8);
}

TEST(FunctionRef, arguments_and_results_may_be_moved_only) {
  const auto box = [](std::unique_ptr<int> in) { return std::make_unique<int>(*in + 1); };
  const FunctionRef<std::unique_ptr<int>(std::unique_ptr<int>)> reference = box;
  EXPECT_EQ(*reference(std::make_unique<int>(1)), 2);
}

TEST(FunctionRef, a_copy_refers_to_the_same_callable) {
  int calls = 0;
  const auto count = [&calls] { ++calls; };
  const FunctionRef<void()> first = count;
  const FunctionRef<void()> second = first;
  first();
  second();
  EXPECT_EQ(calls, 2);
}

}  // namespace
}  // namespace hearth
