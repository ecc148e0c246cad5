// SPDX-License-Identifier: MIT
// Source: Vaswani et al. 2017, arXiv:1706.03762; grouped heads, Ainslie et al. 2023,
// arXiv:2305.13245.
#include "arch/blocks/attention.h"

#include <fmt/format.h>

#include <cmath>

namespace hearth::arch {
namespace {

struct Qkv {
  ValueId q, k, v;
};

Qkv build_qkv(Builder& b, const Attention& attention, ValueId x) {
  const HParams& hp = b.hp;
  if (!attention.fused_qkv) {
    return {b.add(graph::MatMul{x, b.weight("attn_q.weight"), b.weight_if("attn_q.bias")}, "q"),
            b.add(graph::MatMul{x, b.weight("attn_k.weight"), b.weight_if("attn_k.bias")}, "k"),
            b.add(graph::MatMul{x, b.weight("attn_v.weight"), b.weight_if("attn_v.bias")}, "v")};
  }
  const ValueId qkv =
      b.add(graph::MatMul{x, b.weight("attn_qkv.weight"), b.weight_if("attn_qkv.bias")}, "qkv");
  const int q = hp.H * hp.K, k = hp.G * hp.K, v = hp.G * hp.W;
  return {b.add(graph::Slice{qkv, 0, q}, "q"), b.add(graph::Slice{qkv, q, k}, "k"),
          b.add(graph::Slice{qkv, q + k, v}, "v")};
}

float attention_scale(const Attention& attention, const HParams& hp) {
  if (hp.attn_scale > 0) return hp.attn_scale;
  // Gemma's files do not carry query_pre_attn_scalar; it is the head size except in the 27B models,
  // the only ones with heads of 128, where it is D / H (Gemma 2, arXiv:2408.00118, table 1).
  if (attention.scale == ScaleRule::kGemma && hp.K == 128) {
    return 1.0f / std::sqrt(static_cast<float>(hp.D) / static_cast<float>(hp.H));
  }
  return 1.0f / std::sqrt(static_cast<float>(hp.K));
}

ValueId rotate(Builder& b, const Attention& attention, ValueId x, int n_heads,
               std::string_view name) {
  return b.add(graph::Rope{.x = x,
                           .n_heads = n_heads,
                           .head_size = b.hp.K,
                           .offset = 0,
                           .spec = rope_spec(b, attention.rope),
                           .factors = attention.rope_factors ? rope_factors(b) : kNone},
               name);
}

}  // namespace

void add_attention_rows(const Attention& attention, const HParams& hp, int layer,
                        TensorTable& table) {
  const auto name = [&](std::string_view suffix) {
    return fmt::format("blk.{}.{}", layer, suffix);
  };
  const auto hf = [&](std::string_view suffix) {
    return fmt::format("model.layers.{}.self_attn.{}", layer, suffix);
  };
  const bool probe_bias = attention.qkv_bias == Has::kProbe;
  const bool has_bias = attention.qkv_bias != Has::kNo;
  if (attention.fused_qkv) {
    table.add(name("attn_qkv.weight"), hf("qkv_proj.weight"), Role::kAttention, "H*K+G*K+G*W, D");
    if (has_bias) {
      table.add(name("attn_qkv.bias"), hf("qkv_proj.bias"), Role::kBias, "H*K+G*K+G*W", probe_bias);
    }
  } else {
    table.add(name("attn_q.weight"), hf("q_proj.weight"), Role::kAttention, "H*K, D");
    table.add(name("attn_k.weight"), hf("k_proj.weight"), Role::kAttention, "G*K, D");
    table.add(name("attn_v.weight"), hf("v_proj.weight"), Role::kAttention, "G*W, D");
    if (has_bias) {
      table.add(name("attn_q.bias"), hf("q_proj.bias"), Role::kBias, "H*K", probe_bias);
      table.add(name("attn_k.bias"), hf("k_proj.bias"), Role::kBias, "G*K", probe_bias);
      table.add(name("attn_v.bias"), hf("v_proj.bias"), Role::kBias, "G*W", probe_bias);
    }
  }
  table.add(name("attn_output.weight"), hf("o_proj.weight"), Role::kAttention, "D, H*W");
  if (attention.out_bias != Has::kNo) {
    table.add(name("attn_output.bias"), hf("o_proj.bias"), Role::kBias, "D",
              attention.out_bias == Has::kProbe);
  }
  if (attention.qk_norm != QkNorm::kNone) {
    const bool whole = attention.qk_norm == QkNorm::kWhole;
    table.add(name("attn_q_norm.weight"), hf("q_norm.weight"), Role::kNorm, whole ? "H*K" : "K");
    table.add(name("attn_k_norm.weight"), hf("k_norm.weight"), Role::kNorm, whole ? "G*K" : "K");
  }
  if (attention.sinks) {
    table.add(name("attn_sinks.weight"), hf("sinks"), Role::kTable, "H");
  }
  if (attention.rope_factors && layer == 0 && hp.R > 0) {
    const std::string pairs = fmt::format("{}", hp.R / 2);
    table.add("rope_freqs.weight", "", Role::kTable, pairs, true);
    table.add("rope_factors_long.weight", "", Role::kTable, pairs, true);
    table.add("rope_factors_short.weight", "", Role::kTable, pairs, true);
    table.require_one_of(
        {{}, {"rope_freqs.weight"}, {"rope_factors_long.weight", "rope_factors_short.weight"}});
  }
}

ValueId build_attention(Builder& b, const Attention& attention, ValueId x) {
  const HParams& hp = b.hp;
  auto [q, k, v] = build_qkv(b, attention, x);
  if (attention.qk_norm != QkNorm::kNone) {
    const bool whole = attention.qk_norm == QkNorm::kWhole;
    q = b.norm(q, "attn_q_norm", whole ? hp.H * hp.K : hp.K);
    k = b.norm(k, "attn_k_norm", whole ? hp.G * hp.K : hp.K);
  }
  if (attention.has_rope && hp.R > 0) {
    q = rotate(b, attention, q, hp.H, "q_rope");
    k = rotate(b, attention, k, hp.G, "k_rope");
  }
  if (attention.temperature) q = b.scale_by_position(q);
  const int window = b.window();
  const int i_cache =
      b.spec.encoder ? kNone : b.graph().add_cache_layer({hp.G, hp.K, hp.W, window});
  const ValueId mixed =
      b.add(graph::Attention{.q = q,
                             .k = k,
                             .v = v,
                             .i_cache = i_cache,
                             .n_heads = hp.H,
                             .n_kv_heads = hp.G,
                             .k_size = hp.K,
                             .v_size = hp.W,
                             .scale = attention_scale(attention, hp),
                             .window = window,
                             .soft_cap = b.cap(hp.attn_soft_cap, &SoftCaps::scores),
                             .sinks = attention.sinks ? b.weight("attn_sinks.weight") : kNone},
            "attn_heads");
  return b.add(
      graph::MatMul{mixed, b.weight("attn_output.weight"), b.weight_if("attn_output.bias")},
      "attn_out");
}

}  // namespace hearth::arch
