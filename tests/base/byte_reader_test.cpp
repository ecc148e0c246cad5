// SPDX-License-Identifier: MIT
#include "base/byte_reader.h"

#include <gtest/gtest.h>

#include <vector>

namespace hearth {
namespace {

TEST(ByteReader, numbers_are_little_endian_in_every_width) {
  const std::vector<uint8_t> bytes = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07,
                                      0x88, 0xff, 0x00, 0x00, 0x80, 0x3f};
  ByteReader in(bytes);
  EXPECT_EQ(*ByteReader(bytes).number<uint64_t>(), 0x8807060504030201u);
  EXPECT_EQ(*in.number<uint8_t>(), 0x01);
  EXPECT_EQ(*in.number<uint16_t>(), 0x0302);
  EXPECT_EQ(*in.number<uint32_t>(), 0x07060504u);
  EXPECT_EQ(*in.number<int8_t>(), -120);
  EXPECT_EQ(*in.number<int8_t>(), -1);
  EXPECT_EQ(*in.number<float>(), 1.0f);
  EXPECT_EQ(in.remaining(), 0u);
}

TEST(ByteReader, a_short_read_says_where_and_moves_nothing) {
  const std::vector<uint8_t> bytes(5, 7);
  ByteReader in(bytes);
  ASSERT_TRUE(in.number<uint16_t>().has_value());
  const auto failed = in.number<uint32_t>();
  ASSERT_FALSE(failed.has_value());
  EXPECT_EQ(failed.error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(failed.error().message, "wanted 4 bytes at offset 2, have 3");
  EXPECT_EQ(in.offset(), 2u);
  EXPECT_EQ(in.bytes(3)->size(), 3u);
}

TEST(ByteReader, a_length_near_the_end_of_64_bits_is_refused) {
  const std::vector<uint8_t> bytes(16, 0);
  ByteReader in(bytes);
  ASSERT_TRUE(in.bytes(8).has_value());
  for (const uint64_t n : {uint64_t{9}, UINT64_MAX, UINT64_MAX - 7, uint64_t{1} << 63}) {
    EXPECT_FALSE(in.bytes(n).has_value()) << n;
    EXPECT_FALSE(in.text(n).has_value()) << n;
  }
  EXPECT_EQ(in.remaining(), 8u);
}

TEST(ByteReader, parts_borrow_the_underlying_bytes) {
  const std::vector<uint8_t> bytes = {'a', 'b', 'c'};
  ByteReader in(bytes);
  EXPECT_EQ(in.text(2)->data(), reinterpret_cast<const char*>(bytes.data()));
  EXPECT_EQ(in.bytes(1)->data(), bytes.data() + 2);
  EXPECT_EQ(*in.text(0), "");
}

}  // namespace
}  // namespace hearth
