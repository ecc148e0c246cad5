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
#include "backend/cpu/kernels/codes_groups.avx512vnni.h"
#include "backend/cpu/kernels/codes_super.avx512vnni.h"

namespace hearth::cpu {
namespace {

// kOthers: for fewer or more tokens, and where the digits do not fit.
template <class Codes, MatmulFn kOthers>
void matmul_by_codes(const MatmulTile& tile) {
  if (!matmul_codes<Codes>(tile)) kOthers(tile);
}

}  // namespace

void add_dot_quant_avx512vnni(KernelTable& table) {
  add_all_dot_quant(table);
  const auto set = [&](Weight weight, MatmulFn fn) { table.matmul[static_cast<int>(weight)] = fn; };
  set(Weight::kQ4_0, matmul_by_codes<GroupCodes<CodesQ4_0>, matmul_group<Q4_0, QuadsQ4_0>>);
  set(Weight::kQ4_1, matmul_by_codes<GroupCodes<CodesQ4_1>, matmul_group<Q4_1, QuadsQ4_1>>);
  set(Weight::kQ8_0, matmul_by_codes<GroupCodes<CodesQ8_0>, matmul_group<Q8_0, QuadsQ8_0>>);
  set(Weight::kQ4_K, matmul_by_codes<Q4KCodes, matmul_digits<Q4K, Q4KDigits>>);
  set(Weight::kQ6_K, matmul_by_codes<Q6KCodes, matmul_digits<Q6K, Q6KDigits>>);
}

}  // namespace hearth::cpu
