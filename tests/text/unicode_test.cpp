// SPDX-License-Identifier: MIT
#include "text/unicode.h"

#include <gtest/gtest.h>

#include <string>

namespace hearth::text {
namespace {

TEST(Unicode, every_code_point_survives_utf8) {
  for (uint32_t code = 0; code <= 0x10FFFF; ++code) {
    std::string bytes;
    append_utf8(code, bytes);
    const Decoded back = decode_utf8(bytes, 0);
    ASSERT_TRUE(back.valid);
    ASSERT_EQ(back.code, code);
    ASSERT_EQ(back.bytes, bytes.size());
    ASSERT_EQ(utf8_length(bytes[0]), bytes.size());
    const bool is_surrogate = code >= 0xD800 && code < 0xE000;
    ASSERT_EQ(strict_utf8_length(bytes, 0).valid, !is_surrogate) << code;
  }
}

TEST(Unicode, classes_of_known_characters) {
  const auto is = [](uint32_t code, CodePointClass kind) { return class_of(code) == kind; };
  EXPECT_TRUE(is('a', CodePointClass::kLetter));
  EXPECT_TRUE(is(0x1ED9, CodePointClass::kLetter));  // o with circumflex and dot below
  EXPECT_TRUE(is('7', CodePointClass::kNumber));
  EXPECT_TRUE(is(0x2163, CodePointClass::kNumber));  // Roman numeral four
  EXPECT_TRUE(is('!', CodePointClass::kPunctuation));
  EXPECT_TRUE(is('$', CodePointClass::kSymbol));
  EXPECT_TRUE(is(0x1F600, CodePointClass::kSymbol));
  EXPECT_TRUE(is(0x0301, CodePointClass::kMark));
  EXPECT_TRUE(is(0x00A0, CodePointClass::kSeparator));
  EXPECT_TRUE(is(0x200D, CodePointClass::kControl));
  EXPECT_TRUE(is(0xD800, CodePointClass::kControl));
  EXPECT_TRUE(is(0xE000, CodePointClass::kControl));
  EXPECT_TRUE(is(0x0378, CodePointClass::kUnassigned));
  EXPECT_TRUE(is(0x2EBF0, CodePointClass::kLetter));         // new in 15.1
  EXPECT_TRUE(is(0x1C80 + 9, CodePointClass::kUnassigned));  // new in 16
  EXPECT_TRUE(is(0x323AF, CodePointClass::kLetter));         // the last that is looked up directly
  EXPECT_TRUE(is(0x323B0, CodePointClass::kUnassigned));
  EXPECT_TRUE(is(0xE0100, CodePointClass::kMark));
  EXPECT_TRUE(is(0x10FFFD, CodePointClass::kControl));
  EXPECT_TRUE(is(0x10FFFF, CodePointClass::kUnassigned));
  EXPECT_TRUE(is(0x110000, CodePointClass::kUnassigned));
}

TEST(Unicode, lower_case_and_base_characters) {
  EXPECT_EQ(to_lower('A'), uint32_t{'a'});
  EXPECT_EQ(to_lower('z'), uint32_t{'z'});
  EXPECT_EQ(to_lower(0xC9), 0xE9U);
  EXPECT_EQ(to_lower(0xD7), 0xD7U);    // a sign among the letters
  EXPECT_EQ(to_lower(0x100), 0x101U);  // every second one
  EXPECT_EQ(to_lower(0x101), 0x101U);
  EXPECT_EQ(to_lower(0x130), uint32_t{'i'});
  EXPECT_EQ(to_lower(0x1E9E), 0xDFU);  // far down
  EXPECT_EQ(to_lower(0x212A), uint32_t{'k'});
  EXPECT_EQ(to_lower(0x10400), 0x10428U);
  EXPECT_EQ(base_character(0xE9), uint32_t{'e'});
  EXPECT_EQ(base_character(0x1ED9), uint32_t{'o'});
  EXPECT_EQ(base_character(0x212B), uint32_t{'A'});
  EXPECT_EQ(base_character(0xAC00), 0x1100U);
  EXPECT_EQ(base_character(0xD7A3), 0x1112U);
  EXPECT_EQ(base_character(0x4E00), 0x4E00U);
  EXPECT_EQ(base_character(0x2F800), 0x4E3DU);
}

TEST(Unicode, broken_bytes_are_one_replacement_each_maximal_part) {
  EXPECT_EQ(to_valid_utf8("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(to_valid_utf8("\xE2\x82"), "\uFFFD");
  EXPECT_EQ(to_valid_utf8("\xE2\x82x"), "\uFFFDx");
  EXPECT_EQ(to_valid_utf8("\xF0\x9F\x98\xF0"), "\uFFFD\uFFFD");
  EXPECT_EQ(to_valid_utf8("\xC0\x80"), "\uFFFD\uFFFD");
  EXPECT_EQ(to_valid_utf8("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(to_valid_utf8("\xF4\x90\x80\x80"), "\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(to_valid_utf8(std::string("\0\x7F", 2)), std::string("\0\x7F", 2));
}

TEST(Unicode, beyond_the_last_code_point_is_broken) {
  const Decoded past = decode_utf8("\xF4\x90\x80\x80", 0);
  EXPECT_FALSE(past.valid);
  EXPECT_EQ(past.code, kReplacement);
  EXPECT_EQ(past.bytes, 1U);
  EXPECT_FALSE(decode_utf8("\xF7\xBF\xBF\xBF", 0).valid);
  EXPECT_TRUE(decode_utf8("\xF4\x8F\xBF\xBF", 0).valid);
}

}  // namespace
}  // namespace hearth::text
