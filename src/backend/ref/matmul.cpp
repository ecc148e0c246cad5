// SPDX-License-Identifier: MIT
#include "backend/ref/matmul.h"

namespace hearth::ref {
namespace {

double dot(std::span<const float> a, std::span<const float> b) {
  CHECK(a.size() == b.size());
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

}  // namespace

void matmul(const WeightView& w, std::span<const float> bias, Rows x, MutableRows out) {
  CHECK(x.width == w.n_cols && out.width == w.n_rows && x.n == out.n);
  CHECK(bias.empty() || bias.size() == static_cast<size_t>(w.n_rows));
  std::vector<float> weights(static_cast<size_t>(w.n_cols));
  for (int64_t r = 0; r < w.n_rows; ++r) {
    w.row(r, weights);
    const double b = bias.empty() ? 0.0 : bias[static_cast<size_t>(r)];
    for (int64_t t = 0; t < x.n; ++t) {
      out.row(t)[static_cast<size_t>(r)] = static_cast<float>(dot(weights, x.row(t)) + b);
    }
  }
}

void matmul_heads(const graph::MatMulHeads& op, const WeightView& w, Rows x, MutableRows out) {
  CHECK(w.n_rows == int64_t{op.n_heads} * op.head_rows);
  CHECK(op.row_begin >= 0 && op.row_begin + op.n_rows <= op.head_rows);
  const auto n_rows = static_cast<size_t>(op.n_rows);
  const auto n_cols = static_cast<size_t>(w.n_cols);
  const size_t in_size = op.transposed ? n_rows : n_cols;
  const size_t out_size = op.transposed ? n_cols : n_rows;
  const auto n_heads = static_cast<size_t>(op.n_heads);
  CHECK(x.width == static_cast<int64_t>(n_heads * in_size) && x.n == out.n);
  CHECK(out.width == static_cast<int64_t>(n_heads * out_size));

  for (size_t h = 0; h < n_heads; ++h) {
    const int64_t first = static_cast<int64_t>(h) * op.head_rows + op.row_begin;
    const std::vector<float> m = w.rows(first, op.n_rows).values();
    for (int64_t t = 0; t < x.n; ++t) {
      const auto in = x.row(t).subspan(h * in_size, in_size);
      const auto result = out.row(t).subspan(h * out_size, out_size);
      for (size_t o = 0; o < out_size; ++o) {
        double sum = 0;
        for (size_t i = 0; i < in_size; ++i) {
          const size_t at = op.transposed ? i * n_cols + o : o * n_cols + i;
          sum += static_cast<double>(m[at]) * in[i];
        }
        result[o] = static_cast<float>(sum);
      }
    }
  }
}

void embed(const WeightView& table, int64_t i, float scale, std::span<float> out) {
  table.row(i, out);
  for (float& value : out) value *= scale;
}

}  // namespace hearth::ref
