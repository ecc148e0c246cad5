// SPDX-License-Identifier: MIT
// Runs a model's whole graph on one backend, straight through the door of backend.h: what tests of
// arch and backend compare. One sequence, a page table with its pages in a stirred order.
#pragma once
#include <memory>
#include <span>
#include <vector>

#include "backend/backend.h"
#include "graph/graph.h"

namespace hearth::test {

class ToyRun {
 public:
  // The backend and the graph must outlive the run.
  static Result<ToyRun> make(backend::Backend& backend, const graph::Graph& graph,
                             backend::KvFormat format, int max_positions, int max_tokens);

  // The next tokens of the sequence. Answers [tokens, width of the graph's result].
  Result<std::vector<float>> next(std::span<const int32_t> tokens);

 private:
  const graph::Graph* graph_ = nullptr;
  std::unique_ptr<backend::Program> program_;
  std::unique_ptr<backend::KvStore> kv_;
  std::vector<std::vector<int32_t>> pages_;  // per group
  int n_past_ = 0;
};

}  // namespace hearth::test
