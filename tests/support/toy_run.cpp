// SPDX-License-Identifier: MIT
#include "tests/support/toy_run.h"

#include <algorithm>

namespace hearth::test {

Result<ToyRun> ToyRun::make(backend::Backend& backend, const graph::Graph& graph,
                            backend::KvFormat format, int max_positions, int max_tokens) {
  ToyRun run;
  run.graph_ = &graph;
  const int n_pages = (max_positions + backend::kPagePositions - 1) / backend::kPagePositions;
  backend::KvLayout layout{.format = format};
  std::vector<int> windows;  // of the groups
  for (const graph::CacheLayer& layer : graph.cache_layers()) {
    auto at = std::find(windows.begin(), windows.end(), layer.window);
    if (at == windows.end()) {
      at = windows.insert(windows.end(), layer.window);
      layout.pages_of_group.push_back(n_pages);
      run.pages_.emplace_back();
      for (int page = n_pages - 1; page >= 0; --page) run.pages_.back().push_back(page);
    }
    layout.layers.push_back(layer);
    layout.group_of_layer.push_back(static_cast<int>(at - windows.begin()));
  }
  if (!layout.layers.empty()) {
    TRY_LET(run.kv_, backend.make_kv(layout));
  }
  const backend::Segment whole{0, static_cast<int>(graph.nodes().size())};
  TRY_LET(run.program_,
          backend.compile(graph, whole, {.max_tokens = max_tokens, .max_outputs = max_tokens}));
  return run;
}

Result<std::vector<float>> ToyRun::next(std::span<const int32_t> tokens) {
  backend::SequencePages sequence;
  for (const auto& pages : pages_) sequence.pages.emplace_back(pages);
  std::vector<int32_t> positions, rows;
  const std::vector<int32_t> i_sequence(tokens.size(), 0);
  for (int i = 0; i < static_cast<int>(tokens.size()); ++i) {
    positions.push_back(n_past_ + i);
    rows.push_back(i);
  }
  const backend::Batch batch{.tokens = tokens,
                             .positions = positions,
                             .i_sequence = i_sequence,
                             .outputs = rows,
                             .sequences = {&sequence, 1}};
  TRY(program_->run(batch, kv_.get()));
  std::vector<float> result;
  for (const int32_t row : rows) {
    const auto values = program_->row(graph_->result(), row);
    result.insert(result.end(), values.begin(), values.end());
  }
  n_past_ += static_cast<int>(tokens.size());
  return result;
}

}  // namespace hearth::test
