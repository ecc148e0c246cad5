// SPDX-License-Identifier: MIT
// Files with the head of a cross-encoder: when it is used, and what is wrong with those that cannot
// be run. What it computes is tested in tests/engine/rank_test.cpp.
#include <gtest/gtest.h>

#include "arch/model_graph.h"
#include "file/gguf.h"
#include "file/model_facts.h"
#include "tests/support/toy_model.h"

namespace hearth::arch {
namespace {

using test::ToyModel;
using test::ToyOptions;

ToyModel ranker(ToyOptions options) {
  options.arch = "bert";
  auto model = test::make_toy_model(options);
  EXPECT_TRUE(model) << model.error().message;
  return model ? std::move(*model) : ToyModel{};
}

ToyModel whole_ranker() { return ranker({.set = {{"pooling_type", "4"}}, .with = {"cls.weight"}}); }

// The error of building the model, or what `look` says of it.
template <class F>
std::string built(const ToyModel& model, F&& look) {
  const auto bytes = model.bytes();
  if (!bytes) return bytes.error().message;
  const auto file = file::Gguf::parse(*bytes);
  if (!file) return file.error().message;
  const auto graph = build_model(*file, 64);
  if (!graph) return graph.error().message + "; " + graph.error().hint;
  EXPECT_EQ(file::facts_of(*file).reranks, gives_scores(graph->rank_head));
  return look(*graph);
}

std::string head_of(const ToyModel& model) {
  return built(model, [](const ModelGraph& graph) -> std::string {
    EXPECT_EQ(graph.graph.value(graph.graph.result()).rows, graph::Rows::kOutputs);
    const bool is_score = graph.graph.width(graph.graph.result()) == 1;
    EXPECT_EQ(is_score, gives_scores(graph.rank_head));
    const std::string notes = graph.notes.empty() ? "" : ": " + graph.notes.front();
    switch (graph.rank_head) {
      case RankHead::kNone:
        return "none" + notes;
      case RankHead::kUnused:
        return "unused" + notes;
      case RankHead::kWithoutPooler:
        return "without pooler" + notes;
      case RankHead::kWhole:
        return "whole" + notes;
    }
    return "";
  });
}

TEST(RankHead, is_used_where_the_file_asks_for_no_vectors) {
  const auto with_pooling = [](const char* pooling) {
    return head_of(ranker({.set = {{"pooling_type", pooling}}, .with = {"cls.weight"}}));
  };
  EXPECT_EQ(with_pooling("4"), "whole");
  EXPECT_EQ(with_pooling(""), "whole");
  EXPECT_EQ(with_pooling("0"), "whole");
  for (const char* const pooling : {"1", "2", "3"}) {
    EXPECT_EQ(with_pooling(pooling),
              "unused: the file's head for scores (cls.output) is not used: bert.pooling_type asks "
              "for vectors");
  }
  EXPECT_EQ(head_of(ranker({})), "none");
}

TEST(RankHead, without_its_pooler_is_run_and_told) {
  const std::string told = head_of(ranker({.set = {{"pooling_type", "4"}}}));
  EXPECT_TRUE(told.starts_with("without pooler: the file lacks the pooler (cls.weight)")) << told;
}

TEST(RankHead, that_lacks_a_tensor_is_an_error_that_names_it) {
  for (const char* const name :
       {"cls.weight", "cls.bias", "cls.output.weight", "cls.output.bias"}) {
    ToyModel model = whole_ranker();
    model.remove(name);
    EXPECT_NE(head_of(model).find(std::string("'") + name + "'"), std::string::npos)
        << head_of(model);
  }
  ToyModel none = whole_ranker();
  for (const char* const name :
       {"cls.weight", "cls.bias", "cls.output.weight", "cls.output.bias"}) {
    none.remove(name);
  }
  EXPECT_NE(head_of(none).find("it has none of them"), std::string::npos) << head_of(none);
}

TEST(RankHead, of_several_classes_is_refused) {
  ToyModel model = whole_ranker();
  model.metadata.set_texts("bert.classifier.output_labels", std::vector<std::string>{"LABEL_0"});
  EXPECT_EQ(head_of(model), "whole");
  model.metadata.set_texts("bert.classifier.output_labels",
                           std::vector<std::string>{"yes", "no", "perhaps"});
  EXPECT_EQ(head_of(model),
            "the file's head sorts texts into 3 classes; hearth runs rerankers, whose head has one "
            "score");
  model.metadata.set_text("bert.classifier.output_labels", "yes");
  EXPECT_EQ(head_of(model), "bert.classifier.output_labels is not a list of labels; ");

  ToyModel wide = whole_ranker();
  const auto i = static_cast<size_t>(wide.find("cls.output.weight"));
  wide.tensors[i].shape = {2, 64};
  wide.data[i].resize(tensor_bytes(wide.tensors[i]));
  EXPECT_NE(head_of(wide).find("'cls.output.weight' is [2, 64], the model needs [1, D]"),
            std::string::npos)
      << head_of(wide);
}

TEST(RankHead, of_a_kind_that_hearth_does_not_know_is_refused) {
  ToyModel distil = whole_ranker();
  distil.remove("token_types.weight");
  EXPECT_NE(head_of(distil).find("DistilBERT"), std::string::npos) << head_of(distil);

  auto nomic = test::make_toy_model({.arch = "nomic-bert"});
  ASSERT_TRUE(nomic);
  nomic->tensors.push_back({"cls.weight", DType::kF32, {64, 64}});
  nomic->data.emplace_back(64 * 64 * sizeof(float));
  EXPECT_NE(head_of(*nomic).find("'cls.weight'"), std::string::npos) << head_of(*nomic);
}

}  // namespace
}  // namespace hearth::arch
