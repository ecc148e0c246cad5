// SPDX-License-Identifier: MIT
// Products of quantized weights with ByteBlocks, and the preparing of those, in portable C++: every
// format, on any x86-64. In, out and the exact arithmetic: kernels/table.h.
#include "backend/cpu/kernels/table.h"
#include "backend/cpu/kernels/unpack.base.h"

namespace hearth::cpu {
namespace {

// A block of one row: 256 signed bytes, and scales and minima of its groups.
struct RowBlock {
  int8_t q[256];
  float d[16];
  float m[16];
};

template <class Format>
struct SuperRow {
  static constexpr int kBytes = sizeof(typename Format::Block), kGroup = Format::kGroup;
  static constexpr int kMinGroup = Format::kHasMin ? kGroup : 0;
  static void unpack(const uint8_t* bytes, int, RowBlock& out) {
    SuperUnpacked block;
    Format::unpack(bytes, block);
    __builtin_memcpy(out.q, block.q, sizeof(out.q));
    for (int g = 0; g < 256 / kGroup; ++g) {
      const int at = g * kGroup / 16;
      out.d[g] = block.d * static_cast<float>(block.scales[at]);
      if constexpr (Format::kHasMin) out.m[g] = -block.dmin * static_cast<float>(block.mins[at]);
    }
  }
};

// Eight blocks of 32; those past n_groups are 0.
template <class Format>
struct GroupRow {
  static constexpr int kBytes = 8 * sizeof(typename Format::Block), kGroup = 32;
  static constexpr int kMinGroup = Format::kHasMin ? 32 : 0;
  static void unpack(const uint8_t* bytes, int n_groups, RowBlock& out) {
    out = {};
    for (int g = 0; g < n_groups; ++g) {
      GroupUnpacked group;
      Format::unpack(bytes + g * sizeof(typename Format::Block), group);
      out.d[g] = group.d;
      if constexpr (Format::kHasMin) out.m[g] = group.m;
      for (int i = 0; i < 32; ++i) out.q[32 * g + i] = static_cast<int8_t>(group.w[i]);
    }
  }
};

int32_t dot(const int8_t* q, const uint8_t* x, int n) {
  int32_t sum = 0;
  for (int i = 0; i < n; ++i) sum += q[i] * (x[i] - 128);
  return sum;
}

template <class Format>
float add_block(const RowBlock& row, const ByteBlock& act, float sum) {
  constexpr int kGroup = Format::kGroup;
  for (int h = 0; h < 4; ++h) {
    const int first = 64 * h / kGroup, end = 64 * (h + 1) / kGroup;
    float scales = row.d[first];
    for (int g = first + 1; g < end; ++g) scales += row.d[g];
    float part = -kByteSumBase * scales;
    for (int g = first; g < end; ++g) {
      const int32_t exact = dot(row.q + kGroup * g, act.x + kGroup * g, kGroup);
      part = __builtin_fmaf(row.d[g], kByteSumBase + static_cast<float>(exact), part);
    }
    sum = __builtin_fmaf(part, act.scale[h], sum);
    const int at = act.index[h];
    const float weight = row.d[at / kGroup] * static_cast<float>(row.q[at]);
    sum = __builtin_fmaf(weight, act.outlier[h], sum);
  }
  if constexpr (Format::kMinGroup != 0) {
    const float* x = Format::kMinGroup == 16 ? act.sum16 : act.sum32;
    for (int j = 0; j < 256 / Format::kMinGroup; ++j) sum = __builtin_fmaf(row.m[j], x[j], sum);
  }
  return sum;
}

template <class Format>
void byte_matmul(const ByteTile& tile) {
  const int n_blocks = (tile.n_cols + kActBlock - 1) / kActBlock;
  for (int t = 0; t < tile.n_tokens; ++t) {
    for (int r = 0; r < tile.n_rows; ++r) tile.out[t * tile.out_stride + r] = 0.0f;
  }
  for (int r = 0; r < tile.n_rows; ++r) {
    for (int b = 0; b < n_blocks; ++b) {
      const int groups_left = tile.n_cols / 32 - 8 * b;
      RowBlock row;
      Format::unpack(tile.weights + r * tile.row_bytes + b * Format::kBytes,
                     groups_left < 8 ? groups_left : 8, row);
      const auto* acts = reinterpret_cast<const ByteBlock*>(
          reinterpret_cast<const uint8_t*>(tile.acts) + b * tile.block_bytes);
      for (int t = 0; t < tile.n_tokens; ++t) {
        float& out = tile.out[t * tile.out_stride + r];
        out = add_block<Format>(row, acts[t], out);
      }
    }
  }
}

// The bits of the magnitude: they order as the values do, infinity and NaN above all.
uint32_t magnitude_bits(float x) { return bits_of(x) & 0x7fffffffu; }

// 64 values, those past n are 0.
void quantize_quarter(const float* in, int n, int h, ByteBlock& out) {
  uint8_t* x = out.x + 64 * h;
  for (int i = 0; i < 64; ++i) x[i] = 128;
  int largest = 0;
  for (int i = 1; i < n; ++i) {
    if (magnitude_bits(in[i]) > magnitude_bits(in[largest])) largest = i;
  }
  uint32_t second = 0;
  for (int i = 0; i < n; ++i) {
    if (i != largest && magnitude_bits(in[i]) > second) second = magnitude_bits(in[i]);
  }
  out.index[h] = 64 * h + largest;
  out.outlier[h] = n > 0 ? in[largest] : 0.0f;
  if (n > 0 && magnitude_bits(in[largest]) >= 0x7f800000u) {
    out.scale[h] = __builtin_nanf("");
    out.outlier[h] = 0.0f;
  } else if (float_of(second) >= 0x1p-100f) {
    out.scale[h] = float_of(second) / 127.0f;
    const float inverse = 127.0f / float_of(second);
    for (int i = 0; i < n; ++i) {
      if (i == largest) continue;
      // To the nearest whole number, ties to even: the low bits of a sum near 1.5 * 2^23.
      const uint32_t rounded = bits_of(in[i] * inverse + 12582912.0f) - bits_of(12582912.0f);
      x[i] = static_cast<uint8_t>(rounded + 128);
    }
  }
}

// The prepared values' sum over n of them from `first` on, rounded once.
float prepared_sum(const ByteBlock& block, int first, int n) {
  const int h = first / 64;
  int32_t sum = 0;
  for (int i = first; i < first + n; ++i) sum += block.x[i] - 128;
  const bool inside = block.index[h] >= first && block.index[h] < first + n;
  return __builtin_fmaf(block.scale[h], static_cast<float>(sum), inside ? block.outlier[h] : 0.0f);
}

void quantize_bytes(const float* in, int n, ByteBlock* out, int64_t block_bytes) {
  for (int i = 0; i < n; i += kActBlock) {
    ByteBlock& block = *reinterpret_cast<ByteBlock*>(reinterpret_cast<uint8_t*>(out) +
                                                     i / kActBlock * block_bytes);
    block = {};
    for (int h = 0; h < 4; ++h) {
      const int left = n - i - 64 * h;
      quantize_quarter(in + i + 64 * h, left < 0 ? 0 : left < 64 ? left : 64, h, block);
    }
    for (int j = 0; j < 16; ++j) block.sum16[j] = prepared_sum(block, 16 * j, 16);
    for (int j = 0; j < 8; ++j) block.sum32[j] = prepared_sum(block, 32 * j, 32);
  }
}

template <class Row>
void set(KernelTable& table, Weight weight) {
  table.matmul_bytes[static_cast<int>(weight)] = byte_matmul<Row>;
}

}  // namespace

void add_dot_bytes_base(KernelTable& table) {
  table.quantize_bytes = quantize_bytes;
  set<GroupRow<GroupQ4_0>>(table, Weight::kQ4_0);
  set<GroupRow<GroupQ4_1>>(table, Weight::kQ4_1);
  set<GroupRow<GroupQ5_0>>(table, Weight::kQ5_0);
  set<GroupRow<GroupQ5_1>>(table, Weight::kQ5_1);
  set<GroupRow<GroupQ8_0>>(table, Weight::kQ8_0);
  set<GroupRow<GroupIQ4NL>>(table, Weight::kIQ4_NL);
  set<GroupRow<GroupMXFP4>>(table, Weight::kMXFP4);
  set<SuperRow<SuperQ2K>>(table, Weight::kQ2_K);
  set<SuperRow<SuperQ3K>>(table, Weight::kQ3_K);
  set<SuperRow<SuperQ4K>>(table, Weight::kQ4_K);
  set<SuperRow<SuperQ5K>>(table, Weight::kQ5_K);
  set<SuperRow<SuperQ6K>>(table, Weight::kQ6_K);
  set<SuperRow<SuperIQ4XS>>(table, Weight::kIQ4_XS);
}

}  // namespace hearth::cpu
