// SPDX-License-Identifier: MIT
// Reference attention of one query over cached rows: scores, softmax and mixture in double.
// Vaswani et al. 2017, arXiv:1706.03762; grouped heads: Ainslie et al. 2023, arXiv:2305.13245;
// windows: Beltagy et al. 2020, arXiv:2004.05150.
#pragma once
#include <cstdint>
#include <span>

#include "graph/ops.h"

namespace hearth::ref {

// What one query sees. Row s of keys is [G * k_size], of values [G * v_size]; values is empty where
// op.value_in_key.
struct AttentionInput {
  std::span<const float> query;  // [H * k_size]
  int query_position = 0;
  std::span<const std::span<const float>> keys;
  std::span<const std::span<const float>> values;
  std::span<const int32_t> positions;  // of each row
  std::span<const float> sinks;        // [H] or empty
};

// True where the query sees a key: with a cache, op.i_cache, positions up to its own and inside the
// window; without one (encoders) every position.
bool is_visible(const graph::Attention& op, int query_position, int key_position);

// The attributes and their meaning are at graph::Attention, whose value and weight ids are not used
// here. out: [H * v_size]; zeros for a query that sees nothing.
void attention(const graph::Attention& op, const AttentionInput& in, std::span<float> out);

}  // namespace hearth::ref
