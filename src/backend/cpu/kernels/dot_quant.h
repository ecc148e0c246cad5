// SPDX-License-Identifier: MIT
// The products of all quantized formats: few tokens directly from the file's layout, more through
// panels. Included by dot_quant.<isa>.cpp after dot_pairs.<isa>.h, quads.<isa>.h and
// digits.<isa>.h.
#pragma once
#include "backend/cpu/kernels/dot_digits.h"
#include "backend/cpu/kernels/dot_direct.h"
#include "backend/cpu/kernels/dot_groups.h"
#include "backend/cpu/kernels/dot_panel.h"

namespace hearth::cpu {
namespace {

// The tokens from t0 on, at most n of them.
inline MatmulTile some_tokens(const MatmulTile& tile, int t0, int n) {
  MatmulTile part = tile;
  part.acts += t0 * tile.act_bytes;
  part.out += t0 * tile.out_stride;
  part.n_tokens = tile.n_tokens - t0 < n ? tile.n_tokens - t0 : n;
  return part;
}

template <class Format, int T>
void super_rows(const MatmulTile& tile) {
  for_four_rows(tile, [&](int first, int step, int n) HEARTH_INLINE {
    for (int t = 0; t < tile.n_tokens; t += T) {
      super_direct<Format, T>(some_tokens(tile, t, T), first, step, n);
    }
  });
}

// More than one token. A panel costs more to fill than four rows to unpack, and more memory that is
// waited for: it pays from 9 tokens on, from 5 where it is filled packed (bench_kernels, hearth
// bench --batch).
template <class Format>
void matmul_super_tokens(const MatmulTile& tile) {
  if (tile.n_tokens == 2) return super_rows<Format, 2>(tile);
  if (tile.n_tokens <= 4) return super_rows<Format, 4>(tile);
  if constexpr (!kFillsPacked<Format>) {
    if (tile.n_tokens <= 8) return super_rows<Format, kDirectTokens>(tile);
  }
  panel_matmul<SuperKernel<Format>>(tile);
}

template <class Format>
void matmul_super(const MatmulTile& tile) {
  if (tile.n_tokens == 1) return super_rows<Format, 1>(tile);
  matmul_super_tokens<Format>(tile);
}

template <class Format, class Digits>
void matmul_digits(const MatmulTile& tile) {
  if (tile.n_tokens == 1) return digits_direct<Digits, 1>(tile);
  matmul_super_tokens<Format>(tile);
}

template <class Format, class Quads>
void matmul_group(const MatmulTile& tile) {
  switch (tile.n_tokens) {
    case 1:
      return groups_direct<Quads, 1>(tile);
    case 2:
      return groups_direct<Quads, 2>(tile);
    case 3:
    case 4:
      return groups_direct<Quads, 4>(tile);
    default:
      return panel_matmul<GroupKernel<Format>>(tile);
  }
}

inline void add_all_dot_quant(KernelTable& table) {
  const auto set = [&](Weight weight, MatmulFn fn) { table.matmul[static_cast<int>(weight)] = fn; };
  set(Weight::kQ4_0, matmul_group<Q4_0, QuadsQ4_0>);
  set(Weight::kQ4_1, matmul_group<Q4_1, QuadsQ4_1>);
  set(Weight::kQ5_0, matmul_group<Q5_0, QuadsQ5_0>);
  set(Weight::kQ5_1, matmul_group<Q5_1, QuadsQ5_1>);
  set(Weight::kQ8_0, matmul_group<Q8_0, QuadsQ8_0>);
  set(Weight::kIQ4_NL, matmul_group<IQ4NL, QuadsIQ4NL>);
  set(Weight::kMXFP4, matmul_group<MXFP4, QuadsMXFP4>);
  set(Weight::kQ2_K, matmul_super<Q2K>);
  set(Weight::kQ3_K, matmul_super<Q3K>);
  set(Weight::kQ4_K, matmul_digits<Q4K, Q4KDigits>);
  set(Weight::kQ5_K, matmul_digits<Q5K, Q5KDigits>);
  set(Weight::kQ6_K, matmul_digits<Q6K, Q6KDigits>);
  set(Weight::kIQ4_XS, matmul_super<IQ4XS>);
}

}  // namespace
}  // namespace hearth::cpu
