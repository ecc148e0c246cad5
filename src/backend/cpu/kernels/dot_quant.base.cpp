// SPDX-License-Identifier: MIT
// Products of quantized weights with prepared activations, and decoding of weight rows, in portable
// C++: every format, on any x86-64. A block of one row is unpacked once and multiplied by up to
// kTokens tokens. In, out and the exact arithmetic: kernels/table.h.
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/unpack.base.h"

namespace hearth::cpu {
namespace {

constexpr int kTokens = 64;  // sums kept on the stack: 256 bytes

const ActBlock* act_row(const MatmulTile& tile, int token) {
  return reinterpret_cast<const ActBlock*>(tile.acts + token * tile.act_bytes);
}

// n <= 32 products of |w| <= 128 by |x| <= 8191: below 2^31.
template <class Integer>
int32_t dot(const Integer* w, const int16_t* x, int n) {
  int32_t sum = 0;
  for (int i = 0; i < n; ++i) sum += static_cast<int32_t>(w[i]) * x[i];
  return sum;
}

int32_t sum_of(SumPair pair) { return 256 * pair.high + pair.low; }

template <class Format>
float super_block(const SuperUnpacked& weights, const ActBlock& act) {
  int64_t sum = 0;
  for (int j = 0; j < 16; ++j) {
    sum += int64_t{weights.scales[j]} * dot(weights.q + 16 * j, act.x + 16 * j, 16);
  }
  float value = weights.d * static_cast<float>(sum);
  if constexpr (Format::kHasMin) {
    int32_t min_sum = 0;  // at most 63 * 256 * 8191 < 2^31
    for (int j = 0; j < 16; ++j) min_sum += weights.mins[j] * sum_of(act.sum16[j]);
    value = value - weights.dmin * static_cast<float>(min_sum);
  }
  return value * act.scale;
}

template <class Format>
void matmul_super(const MatmulTile& tile) {
  const int n_blocks = tile.n_cols / 256;
  for (int t0 = 0; t0 < tile.n_tokens; t0 += kTokens) {
    const int n_tokens = tile.n_tokens - t0 < kTokens ? tile.n_tokens - t0 : kTokens;
    for (int r = 0; r < tile.n_rows; ++r) {
      const uint8_t* row = tile.weights + r * tile.row_bytes;
      float sums[kTokens] = {};
      for (int b = 0; b < n_blocks; ++b) {
        SuperUnpacked weights;
        Format::unpack(row + b * sizeof(typename Format::Block), weights);
        for (int t = 0; t < n_tokens; ++t) {
          sums[t] = sums[t] + super_block<Format>(weights, act_row(tile, t0 + t)[b]);
        }
      }
      for (int t = 0; t < n_tokens; ++t) tile.out[(t0 + t) * tile.out_stride + r] = sums[t];
    }
  }
}

// The products of up to 8 groups of 32 (one block of activations), added in the fixed tree.
template <class Format>
float group_block(const GroupUnpacked* groups, int n_groups, const ActBlock& act) {
  float p[8] = {};
  for (int j = 0; j < n_groups; ++j) {
    p[j] = groups[j].d * static_cast<float>(dot(groups[j].w, act.x + 32 * j, 32));
    if constexpr (Format::kHasMin) {
      p[j] = p[j] + groups[j].m * static_cast<float>(sum_of(act.sum32[j]));
    }
  }
  const float value = ((p[0] + p[1]) + (p[2] + p[3])) + ((p[4] + p[5]) + (p[6] + p[7]));
  return value * act.scale;
}

template <class Format>
void matmul_group(const MatmulTile& tile) {
  const int n_groups = tile.n_cols / 32;
  for (int t0 = 0; t0 < tile.n_tokens; t0 += kTokens) {
    const int n_tokens = tile.n_tokens - t0 < kTokens ? tile.n_tokens - t0 : kTokens;
    for (int r = 0; r < tile.n_rows; ++r) {
      const uint8_t* row = tile.weights + r * tile.row_bytes;
      float sums[kTokens] = {};
      for (int g = 0; g < n_groups; g += 8) {
        const int n = n_groups - g < 8 ? n_groups - g : 8;
        GroupUnpacked groups[8];
        for (int j = 0; j < n; ++j) {
          Format::unpack(row + (g + j) * sizeof(typename Format::Block), groups[j]);
        }
        for (int t = 0; t < n_tokens; ++t) {
          sums[t] = sums[t] + group_block<Format>(groups, n, act_row(tile, t0 + t)[g / 8]);
        }
      }
      for (int t = 0; t < n_tokens; ++t) tile.out[(t0 + t) * tile.out_stride + r] = sums[t];
    }
  }
}

template <class Format>
void decode_super(const uint8_t* row, int n, float* out) {
  for (int i = 0; i < n; i += 256, row += sizeof(typename Format::Block)) {
    SuperUnpacked weights;
    Format::unpack(row, weights);
    for (int k = 0; k < 256; ++k) {
      float value = weights.d * static_cast<float>(weights.scales[k / 16] * weights.q[k]);
      if constexpr (Format::kHasMin) {
        value = value - weights.dmin * static_cast<float>(weights.mins[k / 16]);
      }
      out[i + k] = value;
    }
  }
}

template <class Format>
void decode_group(const uint8_t* row, int n, float* out) {
  for (int i = 0; i < n; i += 32, row += sizeof(typename Format::Block)) {
    GroupUnpacked weights;
    Format::unpack(row, weights);
    for (int k = 0; k < 32; ++k) {
      float value = weights.d * static_cast<float>(weights.w[k]);
      if constexpr (Format::kHasMin) value = value + weights.m;
      out[i + k] = value;
    }
  }
}

template <class Format>
void add_super(KernelTable& table, Weight weight) {
  table.matmul[static_cast<int>(weight)] = matmul_super<Format>;
  table.decode_row[static_cast<int>(weight)] = decode_super<Format>;
}

template <class Format>
void add_group(KernelTable& table, Weight weight) {
  table.matmul[static_cast<int>(weight)] = matmul_group<Format>;
  table.decode_row[static_cast<int>(weight)] = decode_group<Format>;
}

}  // namespace

void add_dot_quant_base(KernelTable& table) {
  add_group<GroupQ4_0>(table, Weight::kQ4_0);
  add_group<GroupQ4_1>(table, Weight::kQ4_1);
  add_group<GroupQ5_0>(table, Weight::kQ5_0);
  add_group<GroupQ5_1>(table, Weight::kQ5_1);
  add_group<GroupQ8_0>(table, Weight::kQ8_0);
  add_group<GroupIQ4NL>(table, Weight::kIQ4_NL);
  add_group<GroupMXFP4>(table, Weight::kMXFP4);
  add_super<SuperQ2K>(table, Weight::kQ2_K);
  add_super<SuperQ3K>(table, Weight::kQ3_K);
  add_super<SuperQ4K>(table, Weight::kQ4_K);
  add_super<SuperQ5K>(table, Weight::kQ5_K);
  add_super<SuperQ6K>(table, Weight::kQ6_K);
  add_super<SuperIQ4XS>(table, Weight::kIQ4_XS);
}

}  // namespace hearth::cpu
