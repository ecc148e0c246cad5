// SPDX-License-Identifier: MIT
// Source: Shazeer et al. 2017, arXiv:1701.06538; shared experts, Dai et al. 2024, arXiv:2401.06066.
#include "arch/blocks/moe.h"

#include <fmt/format.h>

namespace hearth::arch {
namespace {

Gating gating_of(const MoeFfn& moe, const HParams& hp) {
  switch (hp.expert_gating) {
    case 1:
      return Gating::kSoftmax;
    case 2:
      return Gating::kSigmoid;
    case 3:
      return Gating::kSoftmaxOfChosen;
    default:
      return moe.gating;
  }
}

ValueId build_shared(Builder& b, const MoeFfn& moe, ValueId x) {
  const ValueId gate = b.add(graph::MatMul{x, b.weight("ffn_gate_shexp.weight")}, "ffn_gate_shexp");
  const ValueId up = b.add(graph::MatMul{x, b.weight("ffn_up_shexp.weight")}, "ffn_up_shexp");
  const ValueId hidden =
      b.add(graph::Activate{.gate = gate, .up = up, .act = moe.act}, "ffn_act_shexp");
  return b.add(graph::MatMul{hidden, b.weight("ffn_down_shexp.weight")}, "ffn_down_shexp");
}

}  // namespace

void add_moe_rows(const MoeFfn& moe, const HParams& hp, int layer, TensorTable& table) {
  const auto add = [&](std::string_view gguf, std::string_view hf, Role role, std::string dims,
                       bool optional = false) {
    table.add(fmt::format("blk.{}.{}", layer, gguf),
              hf.empty() ? "" : fmt::format("model.layers.{}.mlp.{}", layer, hf), role,
              std::move(dims), optional);
  };
  add("ffn_gate_inp.weight", "gate.weight", Role::kRouter, "E, D");
  add("ffn_gate_exps.weight", "", Role::kExpert, "E, X, D");
  add("ffn_up_exps.weight", "", Role::kExpert, "E, X, D");
  add("ffn_down_exps.weight", "", Role::kExpert, "E, D, X");
  if (moe.bias) {
    add("ffn_gate_inp.bias", "gate.bias", Role::kBias, "E");
    add("ffn_gate_exps.bias", "", Role::kBias, "E, X");
    add("ffn_up_exps.bias", "", Role::kBias, "E, X");
    add("ffn_down_exps.bias", "", Role::kBias, "E, D");
  }
  if (moe.select_bias != Has::kNo) {
    add("exp_probs_b.bias", "gate.e_score_correction_bias", Role::kBias, "E",
        moe.select_bias == Has::kProbe);
  }
  if (hp.Z > 0) {
    add("ffn_gate_shexp.weight", "shared_experts.gate_proj.weight", Role::kFfn, "Z, D");
    add("ffn_up_shexp.weight", "shared_experts.up_proj.weight", Role::kFfn, "Z, D");
    add("ffn_down_shexp.weight", "shared_experts.down_proj.weight", Role::kFfn, "D, Z");
  }
}

ValueId build_moe(Builder& b, const MoeFfn& moe, ValueId x) {
  const HParams& hp = b.hp;
  const ValueId logits =
      b.add(graph::MatMul{x, b.weight("ffn_gate_inp.weight"), b.weight_if("ffn_gate_inp.bias")},
            "ffn_router");
  const bool grouped = hp.n_expert_groups > 1;
  const ValueId route =
      b.add(graph::Route{.logits = logits,
                         .select_bias = b.weight_if("exp_probs_b.bias"),
                         .n_experts = hp.E,
                         .top_k = hp.top_k,
                         .gating = gating_of(moe, hp),
                         .renorm = hp.expert_renorm >= 0 ? hp.expert_renorm == 1 : moe.renorm,
                         .scale = hp.expert_scale > 0 ? hp.expert_scale : 1.0f,
                         .n_groups = grouped ? hp.n_expert_groups : 1,
                         .top_groups = grouped ? hp.n_expert_groups_used : 1,
                         .best_of_group = moe.best_of_group},
            "ffn_route");
  const ValueId routed = b.add(graph::Experts{.x = x,
                                              .route = route,
                                              .gate = b.weight("ffn_gate_exps.weight"),
                                              .up = b.weight("ffn_up_exps.weight"),
                                              .down = b.weight("ffn_down_exps.weight"),
                                              .gate_bias = b.weight_if("ffn_gate_exps.bias"),
                                              .up_bias = b.weight_if("ffn_up_exps.bias"),
                                              .down_bias = b.weight_if("ffn_down_exps.bias"),
                                              .top_k = hp.top_k,
                                              .act = moe.act,
                                              .alpha = moe.alpha,
                                              .limit = moe.limit},
                               "ffn_experts");
  if (hp.Z == 0) return routed;
  return b.add(graph::Add{routed, build_shared(b, moe, x)}, "ffn_moe");
}

}  // namespace hearth::arch
