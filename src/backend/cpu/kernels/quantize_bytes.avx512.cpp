// SPDX-License-Identifier: MIT
// Preparing of activations as bytes for AVX-512: the templates of quantize_bytes.h over
// vec.avx512.h.
#include "backend/cpu/kernels/vec.avx512.h"
// What is written over it.
#include "backend/cpu/kernels/quantize_bytes.h"

namespace hearth::cpu {

void add_quantize_bytes_avx512(KernelTable& table) { table.quantize_bytes = quantize_bytes; }

}  // namespace hearth::cpu
