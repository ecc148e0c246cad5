// SPDX-License-Identifier: MIT
// The writer against the reader: what goes in comes out, whole, split, aligned otherwise.
#include "file/gguf_write.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "file/gguf.h"
#include "tests/support/temp_folder.h"

namespace hearth::file {
namespace {

using hearth::test::TempFolder;

std::vector<uint8_t> pattern(size_t n, uint8_t seed) {
  std::vector<uint8_t> bytes(n);
  for (size_t i = 0; i < n; ++i) bytes[i] = static_cast<uint8_t>(i * 7 + seed);
  return bytes;
}

// One tensor of every format, of different ranks, with odd counts of blocks.
struct EveryFormat {
  std::vector<std::vector<uint8_t>> storage;
  std::vector<GgufTensorData> tensors;

  EveryFormat() {
    const auto formats = all_dtypes();
    storage.reserve(formats.size());
    for (size_t i = 0; i < formats.size(); ++i) {
      const int64_t cols = formats[i].block_weights * 3;
      GgufTensorInfo info{.name = "t." + std::string(formats[i].name), .type = formats[i].type};
      info.shape = i % 3 == 0 ? Shape{cols} : i % 3 == 1 ? Shape{5, cols} : Shape{2, 3, 1, cols};
      storage.push_back(pattern(tensor_bytes(info), static_cast<uint8_t>(i)));
      tensors.push_back({info, storage.back()});
    }
  }
};

void expect_same(const Gguf& model, std::span<const GgufTensorData> tensors) {
  ASSERT_EQ(model.tensors().size(), tensors.size());
  for (const GgufTensorData& written : tensors) {
    const GgufTensor* const read = model.find(written.info.name);
    ASSERT_NE(read, nullptr) << written.info.name;
    EXPECT_EQ(read->type, written.info.type);
    EXPECT_EQ(read->shape, written.info.shape);
    EXPECT_TRUE(
        std::equal(read->data.begin(), read->data.end(), written.data.begin(), written.data.end()));
  }
}

TEST(GgufWrite, every_format_and_rank_comes_back_from_a_file) {
  const TempFolder folder;
  const EveryFormat all;
  Metadata metadata;
  metadata.set_text("general.architecture", "toy");
  ASSERT_TRUE(write_gguf(folder / "a.gguf", metadata, all.tensors));
  const auto model = Gguf::open(folder / "a.gguf");
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->version(), 3u);
  EXPECT_EQ(model->metadata().text("general.architecture"), "toy");
  EXPECT_EQ(model->file_bytes(), std::filesystem::file_size(folder / "a.gguf"));
  EXPECT_EQ(model->find("t.none"), nullptr);
  expect_same(*model, all.tensors);
}

TEST(GgufWrite, every_alignment_from_8_to_64_kib_comes_back_aligned) {
  const EveryFormat all;
  for (uint32_t alignment = 8; alignment <= 65536; alignment *= 2) {
    Metadata metadata;
    metadata.set_u32("general.alignment", alignment);
    const auto bytes = gguf_bytes(metadata, all.tensors);
    ASSERT_TRUE(bytes);
    const auto model = Gguf::parse(*bytes);
    ASSERT_TRUE(model) << model.error().message;
    expect_same(*model, all.tensors);
    for (const GgufTensor& tensor : model->tensors()) {
      EXPECT_EQ((tensor.data.data() - bytes->data()) % alignment, 0);
    }
  }
}

TEST(GgufWrite, an_alignment_that_no_reader_accepts_is_refused) {
  for (const uint32_t alignment : {0u, 1u, 4u, 24u, 131072u}) {
    Metadata metadata;
    metadata.set_u32("general.alignment", alignment);
    const auto bytes = gguf_bytes(metadata, {});
    ASSERT_FALSE(bytes) << alignment;
    EXPECT_EQ(bytes.error().code, ErrorCode::kInvalid);
  }
}

TEST(GgufWrite, version_2_comes_back_as_version_2) {
  const EveryFormat all;
  const auto bytes = gguf_bytes({}, all.tensors, 2);
  ASSERT_TRUE(bytes);
  const auto model = Gguf::parse(*bytes);
  ASSERT_TRUE(model) << model.error().message;
  EXPECT_EQ(model->version(), 2u);
  expect_same(*model, all.tensors);
}

TEST(GgufWrite, a_split_model_of_any_number_of_parts_reads_as_one) {
  const EveryFormat all;
  Metadata metadata;
  metadata.set_text("general.name", "split toy");
  for (const int n_parts : {1, 2, 3, 16, 20}) {
    const TempFolder folder;
    const auto paths = write_gguf_split(folder.path(), "toy", metadata, all.tensors, n_parts);
    ASSERT_TRUE(paths);
    const auto model = Gguf::open(paths->front());
    ASSERT_TRUE(model) << model.error().message;
    EXPECT_EQ(model->parts().size(), static_cast<size_t>(n_parts));
    EXPECT_EQ(model->metadata().text("general.name"), "split toy");
    expect_same(*model, all.tensors);
    EXPECT_EQ(model->tensors().back().i_file, n_parts - 1);
  }
}

TEST(GgufWrite, a_writer_that_is_dropped_leaves_no_file) {
  const TempFolder folder;
  const EveryFormat all;
  {
    auto writer = GgufWriter::create(folder / "a.gguf", {}, {all.tensors[0].info});
    ASSERT_TRUE(writer);
    ASSERT_TRUE(writer->append(all.tensors[0].data));
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(GgufWrite, a_row_of_half_a_block_and_a_nameless_tensor_are_refused) {
  const std::vector<uint8_t> data(18);
  for (const GgufTensorInfo& info :
       {GgufTensorInfo{"t", DType::kQ4_0, {16}}, GgufTensorInfo{"", DType::kQ4_0, {32}},
        GgufTensorInfo{std::string(257, 'x'), DType::kQ4_0, {32}},
        GgufTensorInfo{"t", DType::kQ4_0, {0, 32}}}) {
    const GgufTensorData tensor{info, data};
    const auto bytes = gguf_bytes({}, std::span(&tensor, 1));
    ASSERT_FALSE(bytes) << info.name;
    EXPECT_EQ(bytes.error().code, ErrorCode::kInvalid);
  }
}

}  // namespace
}  // namespace hearth::file
