// SPDX-License-Identifier: MIT
// Source: DeepSeek-V2, arXiv:2405.04434, section 2.1 and appendix B: the up-projection of keys is
// absorbed into the query and that of values into the output, so the cache holds C + R numbers a
// token.
#include "arch/blocks/mla.h"

#include <fmt/format.h>

#include <cmath>

namespace hearth::arch {
namespace {

// Query heads [H, N + R]: from the compressed query where the model has one.
ValueId build_query(Builder& b, ValueId x) {
  if (b.hp.Q == 0) return b.add(graph::MatMul{x, b.weight("attn_q.weight")}, "q");
  ValueId q = b.add(graph::MatMul{x, b.weight("attn_q_a.weight")}, "q_a");
  q = b.norm(q, "attn_q_a_norm", b.hp.Q);
  return b.add(graph::MatMul{q, b.weight("attn_q_b.weight")}, "q");
}

// The product with the key's (transposed) or the value's part of the up-projection, head by head.
// Files hold them apart (attn_k_b [H, C, N], attn_v_b [H, W, C]) or together (attn_kv_b).
ValueId up_key(Builder& b, ValueId q_nope) {
  const HParams& hp = b.hp;
  if (const WeightId kb = b.weight_if("attn_k_b.weight"); kb != kNone) {
    return b.add(graph::MatMulHeads{q_nope, kb, hp.H, hp.C, 0, hp.C}, "q_absorbed");
  }
  return b.add(graph::MatMulHeads{.x = q_nope,
                                  .weight = b.weight("attn_kv_b.weight"),
                                  .n_heads = hp.H,
                                  .head_rows = hp.N + hp.W,
                                  .row_begin = 0,
                                  .n_rows = hp.N,
                                  .transposed = true},
               "q_absorbed");
}

ValueId up_value(Builder& b, ValueId mixed) {
  const HParams& hp = b.hp;
  if (const WeightId vb = b.weight_if("attn_v_b.weight"); vb != kNone) {
    return b.add(graph::MatMulHeads{mixed, vb, hp.H, hp.W, 0, hp.W}, "attn_values");
  }
  return b.add(graph::MatMulHeads{.x = mixed,
                                  .weight = b.weight("attn_kv_b.weight"),
                                  .n_heads = hp.H,
                                  .head_rows = hp.N + hp.W,
                                  .row_begin = hp.N,
                                  .n_rows = hp.W},
               "attn_values");
}

// 1 / sqrt(K), sharpened where YaRN stretched the context: DeepSeek applies its temperature to q
// and to k, the positions' part and the rest alike. The file's log multiplier is 0.1 * mscale.
float mla_scale(const Builder& b) {
  const HParams& hp = b.hp;
  const double base = 1.0 / std::sqrt(static_cast<double>(hp.K));
  if (hp.rope_scaling != RopeScaling::kYarn || hp.rope_factor <= 1) return static_cast<float>(base);
  const double stretch = 1.0 + double{hp.yarn_log_multiplier} * std::log(double{hp.rope_factor});
  const double mscale = stretch * yarn_magnitude(b);
  return static_cast<float>(base * mscale * mscale);
}

}  // namespace

void add_mla_rows(const HParams& hp, int layer, TensorTable& table) {
  const auto add = [&](std::string_view gguf, std::string_view hf, Role role, std::string dims,
                       bool optional = false) {
    table.add(fmt::format("blk.{}.{}", layer, gguf),
              hf.empty() ? "" : fmt::format("model.layers.{}.self_attn.{}", layer, hf), role,
              std::move(dims), optional);
  };
  if (hp.Q > 0) {
    add("attn_q_a.weight", "q_a_proj.weight", Role::kAttention, "Q, D");
    add("attn_q_a_norm.weight", "q_a_layernorm.weight", Role::kNorm, "Q");
    add("attn_q_b.weight", "q_b_proj.weight", Role::kAttention, "H*N+H*R, Q");
  } else {
    add("attn_q.weight", "q_proj.weight", Role::kAttention, "H*N+H*R, D");
  }
  add("attn_kv_a_mqa.weight", "kv_a_proj_with_mqa.weight", Role::kAttention, "C+R, D");
  add("attn_kv_a_norm.weight", "kv_a_layernorm.weight", Role::kNorm, "C");
  add("attn_k_b.weight", "", Role::kAttention, "H, C, N", true);
  add("attn_v_b.weight", "", Role::kAttention, "H, W, C", true);
  add("attn_kv_b.weight", "kv_b_proj.weight", Role::kAttention, "H*N+H*W, C", true);
  const std::string k_b = fmt::format("blk.{}.attn_k_b.weight", layer);
  const std::string v_b = fmt::format("blk.{}.attn_v_b.weight", layer);
  const std::string kv_b = fmt::format("blk.{}.attn_kv_b.weight", layer);
  table.require_one_of({{k_b, v_b}, {kv_b}, {k_b, v_b, kv_b}});
  add("attn_output.weight", "o_proj.weight", Role::kAttention, "D, H*W");
}

ValueId build_mla(Builder& b, const Mla& mla, ValueId x) {
  const HParams& hp = b.hp;
  const graph::RopeSpec rope = rope_spec(b, mla.rope);
  const ValueId q = build_query(b, x);
  const ValueId q_nope = b.add(graph::SliceHeads{q, hp.H, 0, hp.N}, "q_nope");
  ValueId q_rope = b.add(graph::SliceHeads{q, hp.H, hp.N, hp.R}, "q_position");
  q_rope = b.add(graph::Rope{q_rope, hp.H, hp.R, 0, rope}, "q_rope");
  ValueId query = b.add(graph::ConcatHeads{up_key(b, q_nope), q_rope, hp.H, hp.C, hp.R}, "query");
  if (mla.temperature) query = b.scale_by_position(query);

  const ValueId kv = b.add(graph::MatMul{x, b.weight("attn_kv_a_mqa.weight")}, "kv_a");
  ValueId latent = b.add(graph::Slice{kv, 0, hp.C}, "kv_latent");
  latent = b.norm(latent, "attn_kv_a_norm", hp.C);
  ValueId k_rope = b.add(graph::Slice{kv, hp.C, hp.R}, "k_position");
  k_rope = b.add(graph::Rope{k_rope, 1, hp.R, 0, rope}, "k_rope");
  const ValueId key = b.add(graph::ConcatHeads{latent, k_rope, 1, hp.C, hp.R}, "key");

  const ValueId mixed =
      b.add(graph::Attention{.q = query,
                             .k = key,
                             .v = kNone,
                             .i_cache = b.graph().add_cache_layer({1, hp.C + hp.R, 0, 0}),
                             .n_heads = hp.H,
                             .n_kv_heads = 1,
                             .k_size = hp.C + hp.R,
                             .v_size = hp.C,
                             .scale = mla_scale(b),
                             .value_in_key = true},
            "attn_heads");
  return b.add(graph::MatMul{up_value(b, mixed), b.weight("attn_output.weight")}, "attn_out");
}

}  // namespace hearth::arch
