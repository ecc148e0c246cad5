// SPDX-License-Identifier: MIT
// The reader on whole files, cut files, flipped bytes, and split models that do not fit together.
#include "file/gguf.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "file/gguf_write.h"
#include "file/split.h"
#include "os/atomic_file.h"
#include "os/file_handle.h"
#include "tests/file/raw_gguf.h"
#include "tests/support/guarded_bytes.h"
#include "tests/support/paths.h"
#include "tests/support/temp_folder.h"

namespace hearth::file {
namespace {

namespace fs = std::filesystem;
using hearth::test::GuardedBytes;
using hearth::test::TempFolder;

// Reads all that a model gives out: a span that left the file would touch the guard page.
uint64_t touch(const Gguf& model) {
  uint64_t sum = 0;
  for (const GgufTensor& tensor : model.tensors()) {
    for (const uint8_t byte : tensor.data) sum += byte;
    for (const char c : tensor.name) sum += static_cast<uint8_t>(c);
    sum += static_cast<uint64_t>(tensor.shape.elements());
  }
  for (const auto& [key, value] : model.metadata().entries()) {
    for (const uint8_t byte : value.bytes) sum += byte;
    const auto texts = model.metadata().texts(key);
    for (const auto& text : texts.value_or(std::vector<std::string_view>{})) sum += text.size();
    sum += model.metadata().integers(key).value_or(std::vector<int64_t>{}).size();
    sum += model.metadata().numbers(key).value_or(std::vector<float>{}).size();
    sum += static_cast<uint64_t>(model.metadata().number(key).value_or(0) > 0);
  }
  return sum;
}

TEST(GgufRead, shapes_are_turned_round_and_data_is_where_the_file_says) {
  const auto raw = test::sample();
  const auto model = Gguf::parse(raw.bytes());
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->version(), 3u);
  EXPECT_EQ(model->file_bytes(), raw.bytes().size());
  ASSERT_EQ(model->tensors().size(), 4u);
  const GgufTensor* const two = model->find("two");
  ASSERT_NE(two, nullptr);
  EXPECT_EQ(two->shape, (Shape{2, 32}));
  EXPECT_EQ(two->type, DType::kQ8_0);
  EXPECT_EQ(two->data.size(), 68u);
  EXPECT_EQ(two->data.data() - model->find("one")->data.data(), 32);
  EXPECT_EQ(model->find("three")->shape, (Shape{1, 2, 1, 256}));
  EXPECT_EQ(model->find("three")->data.size(), 420u);
}

TEST(GgufRead, a_tensor_of_an_unsupported_format_is_kept_by_name_without_data) {
  const auto raw = test::sample();
  for (const uint64_t id : {4u, 15u, 16u, 24u, 28u, 36u, 40u, 41u, 1000u, 0xffffffffu}) {
    const auto bytes = raw.with("format.odd", id);
    const auto model = Gguf::parse(bytes);
    ASSERT_TRUE(model) << model.error().message;
    const GgufTensor* const odd = model->find("odd");
    ASSERT_NE(odd, nullptr);
    EXPECT_FALSE(odd->type);
    EXPECT_EQ(odd->gguf_type, id);
    EXPECT_TRUE(odd->data.empty());
    EXPECT_EQ(odd->shape, Shape{256});
  }
}

TEST(GgufRead, a_truncated_file_is_rejected_at_every_length) {
  const std::vector<uint8_t> bytes = test::sample().bytes();
  GuardedBytes guard(bytes.size());
  for (size_t n = 0; n < bytes.size(); ++n) {
    const auto model = Gguf::parse(guard.hold(std::span(bytes).first(n)));
    ASSERT_FALSE(model) << n;
    EXPECT_EQ(model.error().code, ErrorCode::kCorrupt) << n << ": " << model.error().message;
  }
  EXPECT_TRUE(Gguf::parse(guard.hold(bytes)));
}

TEST(GgufRead, a_file_cut_in_its_data_says_how_much_is_missing) {
  const std::vector<uint8_t> bytes = test::sample().bytes();
  for (size_t n = bytes.size() - 577; n < bytes.size(); ++n) {
    const auto model = Gguf::parse(std::span(bytes).first(n));
    ASSERT_FALSE(model);
    EXPECT_NE(
        model.error().message.find(fmt::format("expected {} bytes, have {}", bytes.size(), n)),
        std::string::npos)
        << model.error().message;
    EXPECT_FALSE(model.error().hint.empty());
  }
}

TEST(GgufRead, every_byte_set_to_every_value_is_read_safely_or_refused) {
  const std::vector<uint8_t> bytes = test::sample().bytes();
  GuardedBytes guard(bytes.size());
  const size_t n_head = bytes.size() - 577;  // data bytes mean nothing to the reader
  int refused = 0;
  int read = 0;
  uint64_t sum = 0;
  for (size_t i = 0; i < n_head; ++i) {
    for (int value = 0; value < 256; ++value) {
      const auto held = guard.hold(bytes);
      held[i] = static_cast<uint8_t>(value);
      const auto model = Gguf::parse(held);
      if (!model) {
        ++refused;
        EXPECT_FALSE(model.error().message.empty());
        EXPECT_NE(model.error().code, ErrorCode::kInternal);
        continue;
      }
      ++read;
      sum += touch(*model);
    }
  }
  // Names and plain values may change freely, structure may not: both kinds must be plenty.
  EXPECT_GT(refused, 50'000);
  EXPECT_GT(read, 50'000);
  EXPECT_GT(sum, 0u);
}

TEST(GgufRead, bytes_after_the_last_tensor_do_no_harm) {
  std::vector<uint8_t> bytes = test::sample().bytes();
  bytes.insert(bytes.end(), 1000, 0xee);
  EXPECT_TRUE(Gguf::parse(bytes));
}

TEST(GgufRead, what_is_no_gguf_gets_a_hint_of_what_it_may_be) {
  const auto parse = [](std::string_view text) {
    return Gguf::parse({reinterpret_cast<const uint8_t*>(text.data()), text.size()}).error();
  };
  EXPECT_NE(parse("<!DOCTYPE html><html>").hint.find("web page"), std::string::npos);
  EXPECT_NE(parse("version https://git-lfs.github.com/spec/v1\n").hint.find("LFS"),
            std::string::npos);
  EXPECT_NE(parse("PK\x03\x04 and so on").hint.find("unpack"), std::string::npos);
  EXPECT_EQ(parse("GGML").code, ErrorCode::kCorrupt);
  EXPECT_EQ(parse("").message, "the file is empty");
}

TEST(GgufRead, a_missing_file_and_a_folder_are_named) {
  const TempFolder folder;
  const auto missing = Gguf::open(folder / "none.gguf");
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kNotFound);
  EXPECT_NE(missing.error().message.find("none.gguf"), std::string::npos);
  EXPECT_EQ(Gguf::open(folder.path()).error().code, ErrorCode::kInvalid);
}

TEST(GgufRead, a_moved_model_keeps_its_views) {
  const TempFolder folder;
  const std::vector<uint8_t> data = {1, 0, 0, 0};
  const GgufTensorData tensor{{"t", DType::kF32, {1}}, data};
  ASSERT_TRUE(write_gguf(folder / "a.gguf", {}, std::span(&tensor, 1)));
  auto opened = Gguf::open(folder / "a.gguf");
  ASSERT_TRUE(opened);
  const Gguf moved = std::move(*opened);
  ASSERT_NE(moved.find("t"), nullptr);
  EXPECT_EQ(moved.find("t")->data[0], 1);
}

TEST(GgufRead, every_seed_of_the_fuzzer_is_read_safely_or_refused) {
  int n_files = 0;
  int n_models = 0;
  for (const auto& entry :
       fs::directory_iterator(hearth::test::source_dir() + "/tests/fuzz/corpus/gguf")) {
    const auto file = os::MappedFile::open(entry.path());
    ASSERT_TRUE(file);
    GuardedBytes guard(file->bytes().size());
    const auto model = Gguf::parse(guard.hold(file->bytes()));
    ++n_files;
    if (!model) continue;
    ++n_models;
    EXPECT_GT(touch(*model) + 1, 0u);
  }
  EXPECT_GE(n_files, 6);
  EXPECT_GE(n_models, 4);
}

TEST(SplitName, is_taken_apart_and_put_together) {
  const auto name = parse_split_name("big-model-Q4-00002-of-00010.gguf");
  ASSERT_TRUE(name);
  EXPECT_EQ(name->stem, "big-model-Q4");
  EXPECT_EQ(name->i_part, 2);
  EXPECT_EQ(name->n_parts, 10);
  EXPECT_EQ(split_file_name("big-model-Q4", 2, 10), "big-model-Q4-00002-of-00010.gguf");
  for (const char* const other :
       {"model.gguf", "-00001-of-00002.gguf", "m-00000-of-00002.gguf", "m-00003-of-00002.gguf",
        "m-0001-of-00002.gguf", "m-00001-of-00002.bin", "m-00001-of-0000x.gguf",
        "m-+0001-of-00002.gguf", "m-00001_of-00002.gguf", "m-00001-of-00002", ""}) {
    EXPECT_FALSE(parse_split_name(other)) << other;
  }
}

// A split model of three parts and four tensors, to be spoiled.
class SplitModel : public testing::Test {
 protected:
  SplitModel() {
    const std::vector<uint8_t> data(16, 5);
    std::vector<GgufTensorData> tensors;
    for (const char* const name : {"a", "b", "c", "d"}) {
      tensors.push_back({{name, DType::kF32, {4}}, data});
    }
    Metadata metadata;
    metadata.set_text("general.architecture", "toy");
    paths_ = write_gguf_split(folder_.path(), "m", metadata, tensors, 3)
                 .value_or(std::vector<fs::path>{});
    EXPECT_EQ(paths_.size(), 3u);
  }

  // Replaces a part by one tensor of that name and these split keys.
  void replace(size_t i, const char* tensor_name, int no, int count) const {
    const std::vector<uint8_t> data(16, 5);
    const GgufTensorData tensor{{tensor_name, DType::kF32, {4}}, data};
    Metadata metadata;
    if (no >= 0) metadata.set_u16("split.no", static_cast<uint16_t>(no));
    if (count >= 0) metadata.set_u16("split.count", static_cast<uint16_t>(count));
    EXPECT_TRUE(write_gguf(paths_[i], metadata, std::span(&tensor, 1)));
  }

  void expect_failure(ErrorCode code, const std::string& words) const {
    const auto model = Gguf::open(paths_[0]);
    ASSERT_FALSE(model);
    EXPECT_EQ(model.error().code, code);
    EXPECT_NE(model.error().message.find(words), std::string::npos) << model.error().message;
  }

  TempFolder folder_;
  std::vector<fs::path> paths_;
};

TEST_F(SplitModel, whole_it_opens_from_the_first_part_only) {
  ASSERT_TRUE(Gguf::open(paths_[0]));
  const auto second = Gguf::open(paths_[1]);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::kInvalid);
  EXPECT_NE(second.error().hint.find("m-00001-of-00003.gguf"), std::string::npos);
}

TEST_F(SplitModel, a_missing_part_is_named) {
  fs::remove(paths_[2]);
  expect_failure(ErrorCode::kNotFound, "part 3 of 3 is missing");
}

TEST_F(SplitModel, a_cut_part_is_named) {
  fs::resize_file(paths_[1], fs::file_size(paths_[1]) - 1);
  // One byte of padding is missing or of data: cut enough for both.
  fs::resize_file(paths_[1], fs::file_size(paths_[1]) - 40);
  expect_failure(ErrorCode::kCorrupt, "m-00002-of-00003.gguf");
}

TEST_F(SplitModel, parts_in_the_wrong_order_are_refused) {
  fs::rename(paths_[1], folder_ / "x");
  fs::rename(paths_[2], paths_[1]);
  fs::rename(folder_ / "x", paths_[2]);
  expect_failure(ErrorCode::kCorrupt, "part 2 of 3");
}

TEST_F(SplitModel, a_part_of_another_model_is_refused) {
  replace(2, "z", 2, 4);
  expect_failure(ErrorCode::kCorrupt, "part 3 of 3");
  replace(2, "z", -1, -1);
  expect_failure(ErrorCode::kCorrupt, "part 3 of 3");
}

TEST_F(SplitModel, a_tensor_in_two_parts_is_refused) {
  replace(2, "a", 2, 3);
  expect_failure(ErrorCode::kCorrupt, "'a': given twice");
}

TEST_F(SplitModel, a_wrong_number_of_tensors_is_refused) {
  replace(2, "z", 2, 3);
  expect_failure(ErrorCode::kCorrupt, "expected 4 tensors");
}

TEST_F(SplitModel, a_name_that_contradicts_the_file_is_refused) {
  fs::rename(paths_[0], folder_ / "renamed.gguf");
  const auto renamed = Gguf::open(folder_ / "renamed.gguf");
  ASSERT_FALSE(renamed);
  EXPECT_EQ(renamed.error().code, ErrorCode::kInvalid);
  EXPECT_NE(renamed.error().hint.find("-00001-of-00003.gguf"), std::string::npos);
  replace(0, "a", 0, 2);
  expect_failure(ErrorCode::kCorrupt, "named as the first of 3 parts");
  replace(0, "a", 1, 3);
  expect_failure(ErrorCode::kCorrupt, "split.no");
  replace(0, "a", 0, 2000);
  expect_failure(ErrorCode::kLimit, "2000 parts");
}

TEST_F(SplitModel, one_part_alone_is_no_model) {
  const auto text = os::read_text_file(paths_[0], 1 << 20);
  ASSERT_TRUE(text);
  const auto model = Gguf::parse({reinterpret_cast<const uint8_t*>(text->data()), text->size()});
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().code, ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace hearth::file
