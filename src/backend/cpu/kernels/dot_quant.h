// SPDX-License-Identifier: MIT
// The products of all quantized formats: few tokens directly from the file's layout, more through
// panels. Included by dot_quant.<isa>.cpp after dot_pairs.<isa>.h and
// quads.<isa>.h.
#pragma once
#include "backend/cpu/kernels/dot_direct.h"
#include "backend/cpu/kernels/dot_groups.h"
#include "backend/cpu/kernels/dot_panel.h"

namespace hearth::cpu {
namespace {

template <class Format, int T>
void super_rows(const MatmulTile& tile) {
  for_four_rows(tile, [&](int first, int step, int n)
                          HEARTH_INLINE { super_direct<Format, T>(tile, first, step, n); });
}

// Up to four tokens go directly, three as four: a panel costs more to fill than that saves.
template <class Format>
void matmul_super(const MatmulTile& tile) {
  switch (tile.n_tokens) {
    case 1:
      return super_rows<Format, 1>(tile);
    case 2:
      return super_rows<Format, 2>(tile);
    case 3:
    case 4:
      return super_rows<Format, 4>(tile);
    default:
      return panel_matmul<SuperKernel<Format>>(tile);
  }
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
  set(Weight::kQ4_K, matmul_super<Q4K>);
  set(Weight::kQ5_K, matmul_super<Q5K>);
  set(Weight::kQ6_K, matmul_super<Q6K>);
  set(Weight::kIQ4_XS, matmul_super<IQ4XS>);
}

}  // namespace
}  // namespace hearth::cpu
