// SPDX-License-Identifier: MIT
// Source: gated feed-forward, Shazeer 2020, arXiv:2002.05202.
#include "arch/blocks/dense.h"

#include <fmt/format.h>

namespace hearth::arch {

void add_dense_rows(const DenseFfn& ffn, int layer, TensorTable& table) {
  const auto add = [&](std::string_view gguf, std::string_view hf, std::string_view dims,
                       std::string_view bias_dims) {
    const std::string name = fmt::format("blk.{}.{}", layer, gguf);
    const std::string hf_name = fmt::format("model.layers.{}.mlp.{}", layer, hf);
    table.add(name + ".weight", hf_name + ".weight", Role::kFfn, std::string(dims));
    if (ffn.bias != Has::kNo) {
      table.add(name + ".bias", hf_name + ".bias", Role::kBias, std::string(bias_dims),
                ffn.bias == Has::kProbe);
    }
  };
  if (ffn.fused_gate_up) {
    add("ffn_up", "gate_up_proj", "2*F, D", "2*F");
  } else {
    if (ffn.gated) add("ffn_gate", "gate_proj", "F, D", "F");
    add("ffn_up", "up_proj", "F, D", "F");
  }
  add("ffn_down", "down_proj", "D, F", "D");
}

ValueId build_dense(Builder& b, const DenseFfn& ffn, ValueId x) {
  const auto product = [&](ValueId in, std::string_view name) {
    return b.add(graph::MatMul{in, b.weight(fmt::format("{}.weight", name)),
                               b.weight_if(fmt::format("{}.bias", name))},
                 name);
  };
  const ValueId up = product(x, "ffn_up");
  ValueId hidden = kNone;
  if (ffn.fused_gate_up) {
    const ValueId gate = b.add(graph::Slice{up, 0, b.hp.F}, "ffn_gate_part");
    const ValueId rest = b.add(graph::Slice{up, b.hp.F, b.hp.F}, "ffn_up_part");
    hidden = b.add(graph::Activate{.gate = gate, .up = rest, .act = ffn.act}, "ffn_act");
  } else if (ffn.gated) {
    const ValueId gate = product(x, "ffn_gate");
    hidden = b.add(graph::Activate{.gate = gate, .up = up, .act = ffn.act}, "ffn_act");
  } else {
    hidden = b.add(graph::Activate{.gate = up, .act = ffn.act}, "ffn_act");
  }
  return product(hidden, "ffn_down");
}

}  // namespace hearth::arch
