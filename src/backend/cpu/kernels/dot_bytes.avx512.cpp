// SPDX-License-Identifier: MIT
// Products of quantized weights with ByteBlocks for AVX-512: the templates of dot_bytes.h over
// byte_tile.avx512.h.
#include "backend/cpu/kernels/dot_pairs.avx512.h"
#include "backend/cpu/kernels/dot_quads.avx512.h"
// The products of pairs and quads first, then what is written over them.
#include "backend/cpu/kernels/words.avx512.h"
// And what is written over that.
#include "backend/cpu/kernels/byte_tile.avx512.h"
// The innermost loop.
#include "backend/cpu/kernels/byte_words.h"
// The products over the tile.
#include "backend/cpu/kernels/dot_bytes.h"

namespace hearth::cpu {

void add_dot_bytes_avx512(KernelTable& table) { add_all_dot_bytes(table); }

}  // namespace hearth::cpu
