// SPDX-License-Identifier: MIT
#include "file/metadata.h"

#include <gtest/gtest.h>

#include "file/gguf.h"
#include "tests/file/raw_gguf.h"

namespace hearth::file {
namespace {

using Texts = std::vector<std::string_view>;

TEST(Metadata, every_type_is_read_by_the_look_up_that_fits_it) {
  const test::RawGguf raw = test::sample();
  const auto model = Gguf::parse(raw.bytes());
  ASSERT_TRUE(model) << model.error().message;
  const Metadata& m = model->metadata();
  EXPECT_EQ(m.integer("s.u8"), 200);
  EXPECT_EQ(m.integer("s.i8"), -3);
  EXPECT_EQ(m.integer("s.u16"), 60000);
  EXPECT_EQ(m.integer("s.i16"), -300);
  EXPECT_EQ(m.integer("s.u32"), 4'000'000'000);
  EXPECT_EQ(m.integer("s.i32"), -70000);
  EXPECT_EQ(m.integer("s.i64"), -(int64_t{1} << 40));
  EXPECT_EQ(m.number("s.f32"), 1.5);
  EXPECT_EQ(m.number("s.f64"), -2.25);
  EXPECT_EQ(m.number("s.i16"), -300.0);
  EXPECT_EQ(m.number("s.u64"), 9223372036854775808.0);
  EXPECT_EQ(m.boolean("s.bool"), true);
  EXPECT_EQ(m.text("s.text"), "hello");
  EXPECT_EQ(m.text("s.empty"), "");
  EXPECT_EQ(m.integers("a.u8"), (std::vector<int64_t>{1, 255}));
  EXPECT_EQ(m.integers("a.i8"), (std::vector<int64_t>{-1, 1}));
  EXPECT_EQ(m.integers("a.bool"), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(m.integers("a.i32"), std::vector<int64_t>{});
  EXPECT_EQ(m.integers("a.i64"), std::vector<int64_t>{-5});
  EXPECT_EQ(m.numbers("a.f32"), (std::vector<float>{0.5f, -1.0f}));
  EXPECT_EQ(m.numbers("a.f64"), std::vector<float>{3.5f});
  EXPECT_EQ(m.numbers("a.u32"), (std::vector<float>{7.0f, 8.0f}));
  EXPECT_EQ(m.texts("a.text"), (Texts{"ab", ""}));
}

TEST(Metadata, a_value_of_another_type_or_too_large_answers_like_a_missing_one) {
  const test::RawGguf raw = test::sample();
  const auto model = Gguf::parse(raw.bytes());
  ASSERT_TRUE(model);
  const Metadata& m = model->metadata();
  EXPECT_TRUE(m.has("s.text"));
  EXPECT_FALSE(m.has("none"));
  EXPECT_EQ(m.find("none"), nullptr);
  for (const char* const key : {"none", "s.text", "s.f32", "s.bool", "s.u64", "a.u8"}) {
    EXPECT_FALSE(m.integer(key)) << key;
  }
  for (const char* const key : {"none", "s.text", "s.bool", "a.f32"}) {
    EXPECT_FALSE(m.number(key)) << key;
  }
  for (const char* const key : {"none", "s.u8", "a.bool"}) EXPECT_FALSE(m.boolean(key)) << key;
  for (const char* const key : {"none", "s.u8", "a.text"}) EXPECT_FALSE(m.text(key)) << key;
  for (const char* const key : {"none", "s.u8", "a.f32", "a.text", "a.u64", "s.text"}) {
    EXPECT_FALSE(m.integers(key)) << key;
  }
  for (const char* const key : {"none", "s.f32", "a.bool", "a.text"}) {
    EXPECT_FALSE(m.numbers(key)) << key;
  }
  for (const char* const key : {"none", "s.text", "a.u8"}) EXPECT_FALSE(m.texts(key)) << key;
}

TEST(Metadata, what_is_set_is_read_back_and_the_last_value_counts) {
  Metadata m;
  m.set_u16("u16", 7);
  m.set_u32("u32", 1);
  m.set_u32("u32", 4'000'000'000u);
  m.set_i32("i32", -1);
  m.set_u64("u64", 1);
  m.set_f32("f32", 0.25f);
  m.set_bool("bool", false);
  m.set_text("text", std::string_view("a\0b", 3));
  const std::vector<int32_t> integers = {-1, 2};
  m.set_i32s("i32s", integers);
  const std::vector<float> numbers = {1.5f};
  m.set_f32s("f32s", numbers);
  m.set_bools("bools", {true, false, true});
  const std::vector<std::string> texts = {"x", "", "long enough not to be small"};
  m.set_texts("texts", texts);
  m.set_texts("no texts", {});
  const Metadata copy = m;  // owned bytes are shared and stay valid
  m = Metadata{};
  EXPECT_EQ(copy.integer("u16"), 7);
  EXPECT_EQ(copy.integer("u32"), 4'000'000'000);
  EXPECT_EQ(copy.integer("i32"), -1);
  EXPECT_EQ(copy.integer("u64"), 1);
  EXPECT_EQ(copy.number("f32"), 0.25);
  EXPECT_EQ(copy.boolean("bool"), false);
  EXPECT_EQ(copy.text("text"), std::string_view("a\0b", 3));
  EXPECT_EQ(copy.integers("i32s"), (std::vector<int64_t>{-1, 2}));
  EXPECT_EQ(copy.numbers("f32s"), (std::vector<float>{1.5f}));
  EXPECT_EQ(copy.integers("bools"), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(copy.texts("texts"), (Texts{"x", "", "long enough not to be small"}));
  EXPECT_EQ(copy.texts("no texts"), Texts{});
}

TEST(Metadata, a_value_whose_count_promises_more_than_its_bytes_is_refused) {
  const std::vector<uint8_t> bytes(16, 1);
  Metadata m;
  m.set("ints",
        {.type = MetaType::kArray, .element_type = MetaType::kI32, .count = 5, .bytes = bytes});
  m.set("texts",
        {.type = MetaType::kArray, .element_type = MetaType::kString, .count = 1, .bytes = bytes});
  m.set("scalar", {.type = MetaType::kU64, .bytes = std::span(bytes).first(7)});
  m.set("huge", {.type = MetaType::kArray,
                 .element_type = MetaType::kU8,
                 .count = ~uint64_t{0},
                 .bytes = bytes});
  EXPECT_FALSE(m.integers("ints"));
  EXPECT_FALSE(m.numbers("ints"));
  EXPECT_FALSE(m.texts("texts"));
  EXPECT_FALSE(m.integer("scalar"));
  EXPECT_FALSE(m.integers("huge"));
}

TEST(Metadata, an_array_that_is_too_long_for_a_look_up_answers_like_a_missing_one) {
  const std::vector<uint8_t> bytes(kMaxArrayLookup + 1);
  Metadata m;
  m.set("fits", {.type = MetaType::kArray,
                 .element_type = MetaType::kU8,
                 .count = kMaxArrayLookup,
                 .bytes = bytes});
  m.set("over", {.type = MetaType::kArray,
                 .element_type = MetaType::kU8,
                 .count = kMaxArrayLookup + 1,
                 .bytes = bytes});
  EXPECT_TRUE(m.integers("fits"));
  EXPECT_FALSE(m.integers("over"));
  EXPECT_TRUE(m.has("over"));
}

TEST(Metadata, types_have_names_and_sizes) {
  EXPECT_EQ(meta_type_name(MetaType::kF64), "f64");
  EXPECT_EQ(meta_type_name(static_cast<MetaType>(13)), "unknown");
  EXPECT_EQ(meta_type_bytes(MetaType::kU16), 2u);
  EXPECT_EQ(meta_type_bytes(MetaType::kString), 0u);
  EXPECT_EQ(meta_type_bytes(static_cast<MetaType>(13)), 0u);
}

}  // namespace
}  // namespace hearth::file
