// SPDX-License-Identifier: MIT
#include "tensor/shape.h"

#include <gtest/gtest.h>

namespace hearth {
namespace {

TEST(Shape, rows_cols_and_elements_of_every_rank) {
  EXPECT_EQ(Shape().elements(), 1);  // a scalar
  EXPECT_EQ(Shape({7}).rows(), 1);
  EXPECT_EQ(Shape({7}).cols(), 7);
  const Shape matrix = {3, 5};
  EXPECT_EQ(matrix.rows(), 3);
  EXPECT_EQ(matrix.cols(), 5);
  const Shape experts = {8, 3, 5};
  EXPECT_EQ(experts.rows(), 24);
  EXPECT_EQ(experts.elements(), 120);
  EXPECT_EQ(experts[0], 8);
  EXPECT_EQ(Shape({4, 0, 5}).elements(), 0);
}

TEST(Shape, reads_as_a_list_slowest_first) {
  EXPECT_EQ(to_string(Shape({1536, 8960})), "[1536, 8960]");
  EXPECT_EQ(to_string(Shape()), "[]");
}

TEST(Shape, equal_shapes_have_equal_dimensions_and_rank) {
  EXPECT_EQ(Shape({2, 3}), Shape({2, 3}));
  EXPECT_NE(Shape({2, 3}), Shape({3, 2}));
  EXPECT_NE(Shape({2}), Shape({2, 1}));
}

TEST(ShapeDeathTest, a_fifth_dimension_is_a_programmers_mistake) {
  EXPECT_DEATH(Shape({1, 2, 3, 4, 5}), "check failed");
}

}  // namespace
}  // namespace hearth
