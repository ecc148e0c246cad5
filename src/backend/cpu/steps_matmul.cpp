// SPDX-License-Identifier: MIT
// Matrix products: every thread takes runs of weight rows for all tokens, so each weight is read by
// one thread once per token tile.
#include <algorithm>

#include "backend/cpu/step.h"

namespace hearth::cpu {
namespace {

// Tokens of a tile: as many as keep the prepared activations within half of a 1 MiB L2 cache.
int tile_tokens(int64_t act_bytes) {
  constexpr int64_t kActBudget = 512 * 1024;
  return static_cast<int>(
      std::clamp<int64_t>(kActBudget / std::max<int64_t>(act_bytes, 1), 8, 256));
}

}  // namespace

StepFn matmul_step(const KernelTable& k, Form form, const graph::WeightRef& weight,
                   const float* bias, Place in, Place out) {
  const MatmulFn product = k.matmul[static_cast<int>(weight_of(weight.type))];
  const ByteMatmulFn byte_product = k.matmul_bytes[static_cast<int>(weight_of(weight.type))];
  const auto n_cols = static_cast<int>(weight.shape.cols());
  const int64_t bytes = row_bytes(weight.type, n_cols);
  const int tile = tile_tokens(in.row_bytes);
  return [=, &k, data = weight.data](const Frame& frame, int thread) {
    const int n_tokens = n_rows_of(frame, out);
    const int n_prompt = form == Form::kByRole ? frame.n_prompt : 0;
    for_columns(frame, out.width, bytes, n_tokens, thread, [&](const Slice& columns) {
      const auto n = static_cast<int>(columns.size());
      if (n_prompt > 0) {
        byte_product({.weights = data + columns.begin * bytes,
                      .row_bytes = bytes,
                      .n_rows = n,
                      .n_cols = n_cols,
                      .acts = reinterpret_cast<const ByteBlock*>(row_bytes_of(frame, in, 0)),
                      .block_bytes = byte_block_stride(n_prompt),
                      .n_tokens = n_prompt,
                      .out = row_of(frame, out, 0) + columns.begin,
                      .out_stride = out.row_bytes / static_cast<int64_t>(sizeof(float))});
      }
      for (int begin = n_prompt; begin < n_tokens; begin += tile) {
        product({.weights = data + columns.begin * bytes,
                 .row_bytes = bytes,
                 .n_rows = n,
                 .n_cols = n_cols,
                 .acts = row_bytes_of(frame, in, begin),
                 .act_bytes = in.row_bytes,
                 .n_tokens = std::min(tile, n_tokens - begin),
                 .out = row_of(frame, out, begin) + columns.begin,
                 .out_stride = out.row_bytes / static_cast<int64_t>(sizeof(float))});
      }
      if (bias == nullptr) return;
      for (int t = 0; t < n_tokens; ++t) {
        float* to = row_of(frame, out, t) + columns.begin;
        k.add(to, bias + columns.begin, n, to);
      }
    });
  };
}

namespace {

// out_h = M_h^T x_h for the heads of one token: rows of M_h weighted by x_h.
void transposed_heads(const KernelTable& k, const graph::MatMulHeads& op,
                      const graph::WeightRef& weight, const Slice& heads, const float* x,
                      float* decoded, float* out) {
  const auto cols = static_cast<int>(weight.shape.cols());
  const int64_t bytes = row_bytes(weight.type, cols);
  const auto decode = k.decode_row[static_cast<int>(weight_of(weight.type))];
  for (int64_t h = heads.begin; h < heads.end; ++h) {
    float* to = out + h * cols;
    std::fill_n(to, cols, 0.0f);
    for (int i = 0; i < op.n_rows; ++i) {
      decode(weight.data + (h * op.head_rows + op.row_begin + i) * bytes, cols, decoded);
      k.add_scaled(decoded, x[h * op.n_rows + i], cols, to);
    }
  }
}

}  // namespace

StepFn matmul_heads_step(const KernelTable& k, const graph::MatMulHeads& op,
                         const graph::WeightRef& weight, Place x, Place prepared, Place out) {
  const auto cols = static_cast<int>(weight.shape.cols());
  const int64_t bytes = row_bytes(weight.type, cols);
  const MatmulFn product = k.matmul[static_cast<int>(weight_of(weight.type))];
  // Prepared rows hold the heads one after the other, each in whole blocks.
  const int64_t head_in_bytes =
      prepared.exists() ? prepared.row_bytes / op.n_heads : int64_t{cols} * int64_t{sizeof(float)};
  return [=, &k, &weight](const Frame& frame, int thread) {
    const Slice heads = frame.shares->part(op.n_heads, thread);
    if (op.transposed) {
      auto* decoded = reinterpret_cast<float*>(frame.scratch);
      for (int t = 0; t < n_rows_of(frame, out); ++t) {
        transposed_heads(k, op, weight, heads, row_of(frame, x, t), decoded, row_of(frame, out, t));
      }
      return;
    }
    const Place& in = prepared.exists() ? prepared : x;
    for (int64_t h = heads.begin; h < heads.end; ++h) {
      product({.weights = weight.data + (h * op.head_rows + op.row_begin) * bytes,
               .row_bytes = bytes,
               .n_rows = op.n_rows,
               .n_cols = cols,
               .acts = row_bytes_of(frame, in, 0) + h * head_in_bytes,
               .act_bytes = in.row_bytes,
               .n_tokens = n_rows_of(frame, out),
               .out = row_of(frame, out, 0) + h * op.n_rows,
               .out_stride = out.row_bytes / static_cast<int64_t>(sizeof(float))});
    }
  };
}

StepFn prepare_heads_step(const KernelTable& k, int n_heads, Place x, Place prepared) {
  return [=, &k](const Frame& frame, int thread) {
    const int size = x.width / n_heads;
    const int64_t head_bytes = prepared.row_bytes / n_heads;
    const Slice share = row_share(frame, x, thread);
    for (int64_t i = share.begin; i < share.end; ++i) {
      for (int h = 0; h < n_heads; ++h) {
        k.quantize_act(
            row_of(frame, x, i) + h * size, size,
            reinterpret_cast<ActBlock*>(row_bytes_of(frame, prepared, i) + h * head_bytes));
      }
    }
  };
}

}  // namespace hearth::cpu
