// SPDX-License-Identifier: MIT
// Files against the tensor table, for every architecture: a missing, unknown, wrongly shaped or
// unusable tensor is an error that names it; what is bound is what the table says.
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "arch/model_graph.h"
#include "file/gguf.h"
#include "tests/support/toy_cases.h"

namespace hearth::arch {
namespace {

using test::ToyModel;

ToyModel toy(const std::string& arch) {
  auto model = test::make_toy_model({.arch = arch, .set = {{"block_count", "2"}}});
  EXPECT_TRUE(model) << model.error().message;
  return model ? std::move(*model) : ToyModel{};
}

// The error of building the model; empty where it builds.
std::string error_of(const ToyModel& model) {
  const auto bytes = model.bytes();
  if (!bytes) return "cannot write: " + bytes.error().message;
  const auto file = file::Gguf::parse(*bytes);
  if (!file) return "cannot read: " + file.error().message;
  const auto built = build_model(*file, 64);
  return built ? "" : built.error().message;
}

class Tensors : public testing::TestWithParam<std::string> {};

TEST_P(Tensors, that_are_missing_are_named) {
  const ToyModel whole = toy(GetParam());
  ASSERT_EQ(error_of(whole), "");
  auto hp = read_hparams(whole.metadata, GetParam());
  ASSERT_TRUE(hp);
  const TensorTable table = tensor_table(*find_architecture(GetParam()), *hp);
  std::set<std::string> chosen;
  for (const Choice& choice : table.choices()) {
    for (const auto& names : choice) chosen.insert(names.begin(), names.end());
  }
  for (const auto& tensor : whole.tensors) {
    ToyModel broken = whole;
    broken.remove(tensor.name);
    const TensorRow* const row = table.find(tensor.name);
    ASSERT_NE(row, nullptr) << tensor.name;
    if (row->optional && !chosen.contains(tensor.name)) {
      EXPECT_EQ(error_of(broken), "") << tensor.name;
    } else {
      EXPECT_NE(error_of(broken).find("'" + tensor.name + "'"), std::string::npos)
          << tensor.name << ": " << error_of(broken);
    }
  }
}

TEST_P(Tensors, that_are_unknown_are_named) {
  ToyModel model = toy(GetParam());
  model.tensors.push_back({"blk.1.attn_wrong.weight", DType::kF32, {1}});
  model.data.push_back(std::vector<uint8_t>(4));
  EXPECT_NE(error_of(model).find("'blk.1.attn_wrong.weight'"), std::string::npos);
  model.tensors.back().name = "blk.2.attn_norm.weight";  // a layer too many
  EXPECT_NE(error_of(model).find("'blk.2.attn_norm.weight'"), std::string::npos);
}

TEST_P(Tensors, of_another_shape_are_named_with_both_shapes) {
  const ToyModel whole = toy(GetParam());
  for (size_t i = 0; i < whole.tensors.size(); ++i) {
    ToyModel broken = whole;
    file::GgufTensorInfo& tensor = broken.tensors[i];
    const int last = tensor.shape.rank - 1;
    for (const int64_t factor : {2, 3}) {  // a longer row, then as many numbers in other rows
      const Shape right = whole.tensors[i].shape;
      if (factor == 3 && (last == 0 || right.cols() == right[last - 1])) continue;
      tensor.shape = right;
      if (factor == 2) {
        tensor.shape.dims[static_cast<size_t>(last)] *= 2;
      } else {
        std::swap(tensor.shape.dims[static_cast<size_t>(last)],
                  tensor.shape.dims[static_cast<size_t>(last - 1)]);
      }
      broken.data[i].resize(tensor_bytes(tensor));
      const std::string error = error_of(broken);
      EXPECT_NE(error.find("'" + tensor.name + "'"), std::string::npos) << tensor.name;
      EXPECT_NE(error.find(to_string(tensor.shape)), std::string::npos) << error;
    }
  }
}

TEST_P(Tensors, that_are_added_or_multiplied_row_by_row_must_be_f32) {
  const ToyModel whole = toy(GetParam());
  auto hp = read_hparams(whole.metadata, GetParam());
  ASSERT_TRUE(hp);
  const TensorTable table = tensor_table(*find_architecture(GetParam()), *hp);
  for (size_t i = 0; i < whole.tensors.size(); ++i) {
    ToyModel other = whole;
    other.tensors[i].type = DType::kF16;
    other.data[i].assign(tensor_bytes(other.tensors[i]), 0);
    const Role role = table.find(other.tensors[i].name)->role;
    const bool must = role == Role::kNorm || role == Role::kBias || role == Role::kTable;
    const std::string error = error_of(other);
    EXPECT_EQ(error.empty(), !must) << error;
    const bool is_named = error.find("'" + other.tensors[i].name + "'") != std::string::npos;
    EXPECT_EQ(is_named, must) << error;
  }
}

TEST_P(Tensors, of_a_format_that_hearth_lacks_are_named_with_the_format) {
  const ToyModel whole = toy(GetParam());
  auto bytes = whole.bytes();
  ASSERT_TRUE(bytes);
  // In the file: name, number of dimensions (u32), dimensions (u64 each), format (u32).
  const std::string name = "token_embd.weight";
  const auto at = std::search(bytes->begin(), bytes->end(), name.begin(), name.end());
  ASSERT_NE(at, bytes->end());
  constexpr uint32_t kIq1S = 19;
  std::memcpy(&*(at + static_cast<std::ptrdiff_t>(name.size()) + 4 + 2 * 8), &kIq1S, 4);
  const auto file = file::Gguf::parse(*bytes);
  const std::string error = file ? build_model(*file, 64).error().message : file.error().message;
  EXPECT_NE(error.find(name), std::string::npos) << error;
  EXPECT_NE(error.find("iq1_s"), std::string::npos) << error;
}

TEST_P(Tensors, are_all_bound_with_all_their_bytes_and_used) {
  const ToyModel model = toy(GetParam());
  const auto bytes = model.bytes();
  ASSERT_TRUE(bytes);
  const auto file = file::Gguf::parse(*bytes);
  ASSERT_TRUE(file);
  const auto built = build_model(*file, 64);
  ASSERT_TRUE(built) << built.error().message;
  int64_t of_file = 0, of_graph = 0;
  for (const file::GgufTensor& tensor : file->tensors()) {
    of_file += static_cast<int64_t>(tensor.data.size());
  }
  std::set<graph::WeightId> used;
  for (const graph::Node& node : built->graph.nodes()) {
    for (const graph::WeightId id : graph::weights(node.op)) used.insert(id);
  }
  for (size_t i = 0; i < built->graph.weights().size(); ++i) {
    const graph::WeightRef& weight = built->graph.weights()[i];
    of_graph += row_bytes(weight.type, weight.shape.cols()) * weight.shape.rows();
    // Of longrope's two sets of factors a context uses one.
    if (!weight.name.starts_with("rope_factors_")) {
      EXPECT_TRUE(used.contains(static_cast<int>(i))) << weight.name;
    }
  }
  EXPECT_EQ(of_graph, of_file);
}

INSTANTIATE_TEST_SUITE_P(All, Tensors, testing::ValuesIn(test::toy_architectures()),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST(Architectures, all_have_toy_models) {
  std::set<std::string> with_toys;
  for (const std::string& name : test::toy_architectures()) with_toys.insert(name);
  for (const ArchSpec& spec : all_architectures()) {
    EXPECT_TRUE(with_toys.contains(std::string(spec.name))) << spec.name;
  }
}

TEST(Architectures, that_are_unknown_are_an_error_that_lists_the_known_ones) {
  ToyModel model = toy("llama");
  model.metadata.set_text("general.architecture", "mamba\n");
  const auto bytes = model.bytes();
  ASSERT_TRUE(bytes);
  const auto file = file::Gguf::parse(*bytes);
  ASSERT_TRUE(file);
  const auto built = build_model(*file, 64);
  ASSERT_FALSE(built);
  EXPECT_EQ(built.error().message, "architecture 'mamba\\x0a' is not known to hearth");
  EXPECT_NE(built.error().hint.find("qwen3moe"), std::string::npos);
}

TEST(Mla, needs_the_up_projection_whole_or_in_parts) {
  ToyModel model = toy("deepseek2");
  model.remove("blk.1.attn_k_b.weight");
  EXPECT_EQ(error_of(model),
            "the file needs 'blk.1.attn_k_b.weight' and 'blk.1.attn_v_b.weight' or "
            "'blk.1.attn_kv_b.weight' or 'blk.1.attn_k_b.weight' and 'blk.1.attn_v_b.weight' and "
            "'blk.1.attn_kv_b.weight', it has 'blk.1.attn_v_b.weight'");
  model.remove("blk.1.attn_v_b.weight");
  EXPECT_NE(error_of(model).find("it has none of them"), std::string::npos);
}

TEST(Layers, that_predict_further_tokens_are_left_out) {
  ToyModel model = toy("llama");
  model.metadata.set_u32("llama.nextn_predict_layers", 1);
  EXPECT_EQ(error_of(model), "");
  const auto bytes = model.bytes();
  ASSERT_TRUE(bytes);
  const auto file = file::Gguf::parse(*bytes);
  const auto built = build_model(*file, 64);
  ASSERT_TRUE(built);
  EXPECT_EQ(built->hparams.L, 1);
  EXPECT_EQ(built->graph.cache_layers().size(), 1u);
  EXPECT_EQ(built->notes, std::vector<std::string>{
                              "the layers that only predict further tokens (1) are not used"});
}

}  // namespace
}  // namespace hearth::arch
