// SPDX-License-Identifier: MIT
// Attention's products and the stores of float KV rows for AVX2: the templates of
// attention.h over vec.avx2.h.
#include "backend/cpu/kernels/vec.avx2.h"
// Vec first, then what is written over it.
#include "backend/cpu/kernels/attention.h"
// For many queries.
#include "backend/cpu/kernels/transpose.avx2.h"
// What is written over both.
#include "backend/cpu/kernels/attention_panel.h"
#include "backend/cpu/kernels/attention_tiles.h"

namespace hearth::cpu {

void add_attention_avx2(KernelTable& table) {
  add_all_attention(table);
  add_all_attention_panels(table);
  add_all_attention_tiles(table);
}

}  // namespace hearth::cpu
