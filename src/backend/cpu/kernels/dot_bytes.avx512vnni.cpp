// SPDX-License-Identifier: MIT
// Products of quantized weights with ByteBlocks for AVX-512 with VNNI: the templates of dot_bytes.h
// over byte_tile.avx512vnni.h.
#include "backend/cpu/kernels/dot_pairs.avx512vnni.h"
#include "backend/cpu/kernels/dot_quads.avx512vnni.h"
// The products of pairs and quads first, then what is written over them.
#include "backend/cpu/kernels/words.avx512.h"
// And what is written over that.
#include "backend/cpu/kernels/byte_tile.avx512vnni.h"
// The products over the tile.
#include "backend/cpu/kernels/dot_bytes.h"

namespace hearth::cpu {

void add_dot_bytes_avx512vnni(KernelTable& table) { add_all_dot_bytes(table); }

}  // namespace hearth::cpu
