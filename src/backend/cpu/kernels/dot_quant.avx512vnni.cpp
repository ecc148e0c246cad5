// SPDX-License-Identifier: MIT
// Products of quantized weights for AVX-512 with VNNI: the templates of dot_quant.h over
// quads.avx512.h.
#include "backend/cpu/kernels/dot_pairs.avx512vnni.h"
// The product of pairs first, then what is written over it.
#include "backend/cpu/kernels/quads.avx512.h"
// And its digits.
#include "backend/cpu/kernels/digits.avx512.h"
// And what is written over that.
#include "backend/cpu/kernels/dot_quant.h"

// And what VNNI alone is worth.
#include "backend/cpu/kernels/dot_codes.avx512vnni.h"

namespace hearth::cpu {
namespace {

void matmul_q4_k(const MatmulTile& tile) {
  if (tile.n_tokens >= 5 && tile.n_tokens <= 16) return matmul_codes(tile);
  matmul_digits<Q4K, Q4KDigits>(tile);
}

}  // namespace

void add_dot_quant_avx512vnni(KernelTable& table) {
  add_all_dot_quant(table);
  table.matmul[static_cast<int>(Weight::kQ4_K)] = matmul_q4_k;
}

}  // namespace hearth::cpu
