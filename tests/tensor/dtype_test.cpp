// SPDX-License-Identifier: MIT
#include "tensor/dtype.h"

#include <gtest/gtest.h>

#include <map>

namespace hearth {
namespace {

TEST(DType, the_table_has_the_block_sizes_of_the_gguf_specification) {
  struct Expected {
    uint32_t gguf_id;
    int weights, bytes;
  };
  const std::map<std::string_view, Expected> specification = {
      {"f32", {0, 1, 4}},       {"f16", {1, 1, 2}},         {"q4_0", {2, 32, 18}},
      {"q4_1", {3, 32, 20}},    {"q5_0", {6, 32, 22}},      {"q5_1", {7, 32, 24}},
      {"q8_0", {8, 32, 34}},    {"q2_k", {10, 256, 84}},    {"q3_k", {11, 256, 110}},
      {"q4_k", {12, 256, 144}}, {"q5_k", {13, 256, 176}},   {"q6_k", {14, 256, 210}},
      {"iq4_nl", {20, 32, 18}}, {"iq4_xs", {23, 256, 136}}, {"bf16", {30, 1, 2}},
      {"mxfp4", {39, 32, 17}},
  };
  ASSERT_EQ(all_dtypes().size(), specification.size());
  for (const DTypeInfo& row : all_dtypes()) {
    ASSERT_EQ(specification.count(row.name), 1u) << row.name;
    const Expected& expected = specification.at(row.name);
    EXPECT_EQ(static_cast<uint32_t>(row.type), expected.gguf_id) << row.name;
    EXPECT_EQ(row.block_weights, expected.weights) << row.name;
    EXPECT_EQ(row.block_bytes, expected.bytes) << row.name;
  }
}

TEST(DType, a_row_is_found_by_type_by_id_and_by_name) {
  for (const DTypeInfo& row : all_dtypes()) {
    EXPECT_EQ(info(row.type).name, row.name);
    EXPECT_EQ(dtype_from_gguf(static_cast<uint32_t>(row.type)), row.type);
    EXPECT_EQ(dtype_from_name(row.name), row.type);
    EXPECT_EQ(gguf_type_name(static_cast<uint32_t>(row.type)), row.name);
  }
}

TEST(DType, an_id_that_cannot_be_used_has_a_name_but_no_type) {
  EXPECT_EQ(dtype_from_gguf(16), std::nullopt);
  EXPECT_EQ(gguf_type_name(16), "iq2_xxs");
  for (const uint32_t id : {1000u, UINT32_MAX}) {
    EXPECT_EQ(dtype_from_gguf(id), std::nullopt);
    EXPECT_EQ(gguf_type_name(id), "");
  }
  EXPECT_EQ(dtype_from_name("Q4_K"), std::nullopt);
}

TEST(DType, bytes_of_a_row_are_whole_blocks) {
  EXPECT_EQ(row_bytes(DType::kF32, 3), 12);
  EXPECT_EQ(row_bytes(DType::kQ4_K, 512), 288);
  EXPECT_EQ(row_bytes(DType::kQ8_0, 0), 0);
  // A row of 2^40 weights: more than 32 bits hold.
  EXPECT_EQ(row_bytes(DType::kF32, int64_t{1} << 40), int64_t{1} << 42);
}

TEST(DTypeDeathTest, a_row_that_is_no_whole_number_of_blocks_is_a_programmers_mistake) {
  EXPECT_DEATH((void)row_bytes(DType::kQ4_K, 32), "check failed");
}

}  // namespace
}  // namespace hearth
