// SPDX-License-Identifier: MIT
// Source: Nogueira and Cho 2019, arXiv:1901.04085 (BERT as a cross-encoder); the pooler is that of
// Devlin et al. 2018, arXiv:1810.04805, section 4.1, and RoBERTa's head has the same form.
#include "arch/blocks/rank.h"

#include "file/model_facts.h"

namespace hearth::arch {
namespace {

constexpr int kRankPooling = 4;  // of HParams::pooling

}  // namespace

void add_rank_rows(const HParams& hp, TensorTable& table) {
  table.add("cls.weight", "", Role::kOutput, "D, D", true);
  table.add("cls.bias", "", Role::kBias, "D", true);
  table.add("cls.output.weight", "", Role::kOutput, "1, D", true);
  table.add("cls.output.bias", "", Role::kBias, "1", true);
  Choice ways;
  if (hp.pooling != kRankPooling) ways.emplace_back();
  ways.push_back({"cls.output.weight", "cls.output.bias"});
  ways.push_back({"cls.weight", "cls.bias", "cls.output.weight", "cls.output.bias"});
  table.require_one_of(std::move(ways));
}

Result<RankHead> find_rank_head(const HParams& hp, const file::Gguf& file) {
  if (file.find("cls.output.weight") == nullptr) return RankHead::kNone;
  if (!file::is_reranker(file)) return RankHead::kUnused;
  if (hp.n_labels > 1) {
    return with_hint(unsupported("the file's head sorts texts into {} classes", hp.n_labels),
                     "hearth runs rerankers, whose head has one score");
  }
  if (file.find("cls.weight") == nullptr) return RankHead::kWithoutPooler;
  // DistilBERT's head has another activation; what tells it from BERT's is that it has no types.
  if (file.find("token_types.weight") == nullptr) {
    return with_hint(unsupported("the file has a head for scores but no 'token_types.weight'"),
                     "use a reranker of the type BERT or RoBERTa; DistilBERT is not supported");
  }
  return RankHead::kWhole;
}

ValueId build_rank(Builder& b, ValueId x) {
  if (const WeightId pooler = b.global_if("cls.weight"); pooler != kNone) {
    x = b.add_global(graph::MatMul{x, pooler, b.global("cls.bias")}, "pooler");
    x = b.add_global(graph::SoftCap{x, 1.0f}, "pooled");  // a cap of 1: tanh itself
  }
  return b.add_global(graph::MatMul{x, b.global("cls.output.weight"), b.global("cls.output.bias")},
                      "score");
}

}  // namespace hearth::arch
