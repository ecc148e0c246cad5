// SPDX-License-Identifier: MIT
// The tensor table of a model: every tensor that its blocks use, stated once. The loader checks a
// file against it, the graph builder looks weights up in it, the planner counts its bytes, the
// quantizer decides by role, the converter maps Hugging Face names, the generator of toy models
// fills it.
#pragma once
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "arch/hparams.h"
#include "base/result.h"
#include "tensor/shape.h"

namespace hearth::arch {

enum class Role {
  kEmbedding,  // [V, D] and other look-up tables
  kOutput,     // the head
  kNorm,       // weights and biases of norms
  kAttention,  // matrices of attention
  kFfn,        // matrices of the feed-forward
  kRouter,     // chooses experts
  kExpert,     // stacked expert matrices
  kBias,       // vectors that are added
  kTable,      // small float tables (rope factors, sinks)
};

struct TensorRow {
  std::string name;     // GGUF name, "blk.3.attn_q.weight"
  std::string hf_name;  // Hugging Face name; empty where there is no single counterpart
  Role role = Role::kNorm;
  std::string dims;  // symbolic shape, fastest last: "H*K, D"
  bool optional = false;
  Shape shape;  // dims in numbers
};

// Optional tensors that a file holds in one of several ways.
using Choice = std::vector<std::vector<std::string>>;

class TensorTable {
 public:
  // hp must outlive the calls of add. has_hf_names: whether the blocks' Hugging Face names, which
  // are those of decoders, hold for this architecture; otherwise the rows have none.
  TensorTable(const HParams& hp, bool has_hf_names) : hp_(hp), has_hf_names_(has_hf_names) {}

  // Adds a row; `dims` are products and sums of letters and whole numbers ("H*K, D", "2*F, D").
  void add(std::string name, std::string hf_name, Role role, std::string dims,
           bool optional = false);

  // Of all the tensors named here, a file must have exactly those of one of the lists.
  void require_one_of(Choice choice) { choices_.push_back(std::move(choice)); }

  const std::vector<TensorRow>& rows() const { return rows_; }
  const std::vector<Choice>& choices() const { return choices_; }
  const TensorRow* find(std::string_view name) const;

 private:
  const HParams& hp_;
  bool has_hf_names_;
  std::vector<TensorRow> rows_;
  std::vector<Choice> choices_;
  std::unordered_map<std::string, size_t> by_name_;
};

// The value of one symbolic dimension, "H*K" or "C+R".
int64_t evaluate_dim(std::string_view expression, const HParams& hp);

}  // namespace hearth::arch
