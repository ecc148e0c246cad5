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

template <class Format, class Digits, class Codes>
void matmul_k(const MatmulTile& tile) {
  if (tile.n_tokens >= 5 && tile.n_tokens <= 16 && matmul_codes<Codes>(tile)) return;
  matmul_digits<Format, Digits>(tile);
}

}  // namespace

void add_dot_quant_avx512vnni(KernelTable& table) {
  add_all_dot_quant(table);
  table.matmul[static_cast<int>(Weight::kQ4_K)] = matmul_k<Q4K, Q4KDigits, Q4KCodes>;
  table.matmul[static_cast<int>(Weight::kQ6_K)] = matmul_k<Q6K, Q6KDigits, Q6KCodes>;
}

}  // namespace hearth::cpu
