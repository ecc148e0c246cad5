// SPDX-License-Identifier: MIT
// Preparing of activations as bytes for AVX2: the templates of quantize_bytes.h over vec.avx2.h.
#include "backend/cpu/kernels/vec.avx2.h"
// What is written over it.
#include "backend/cpu/kernels/quantize_bytes.h"

namespace hearth::cpu {

void add_quantize_bytes_avx2(KernelTable& table) { table.quantize_bytes = quantize_bytes; }

}  // namespace hearth::cpu
