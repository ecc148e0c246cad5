// SPDX-License-Identifier: MIT
// The head of a cross-encoder: one number that says how well a document answers a query, of the
// hidden state of the pair's first token. Tensors: cls (the pooler) and cls.output.
#pragma once
#include "arch/builder.h"
#include "arch/tensor_table.h"
#include "file/gguf.h"

namespace hearth::arch {

inline constexpr std::string_view kNoPoolerNote =
    "the file lacks the pooler (cls.weight) that the model was trained with: all scores lie near 0 "
    "and documents that are close may change places; a file that was made with the pooler has not "
    "this fault";

void add_rank_rows(const HParams& hp, TensorTable& table);

// Errors: the file has a head that cannot be run.
Result<RankHead> find_rank_head(const HParams& hp, const file::Gguf& file);

// x [O, D] -> scores [O, 1].
ValueId build_rank(Builder& b, ValueId x);

}  // namespace hearth::arch
