// SPDX-License-Identifier: MIT
// Vectors of texts, as several dialects ask for them.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "server/collected.h"
#include "server/fields.h"

namespace hearth::server {

// Of an embedding job: a text or a list of texts, none empty; where `takes_tokens`, also a list of
// token ids or a list of such lists. Answers how many vectors come of it.
Result<size_t> read_inputs(std::string_view field, const Json& value, bool takes_tokens,
                           engine::Job& job);

// One vector for each input. Errors: kInternal where the engine told another number of them.
Result<std::vector<std::vector<float>>> read_vectors(const Collected& all, size_t n_inputs);
int64_t tokens_of(const Collected& all);

// The first dimensions, scaled to length 1 again (Matryoshka embeddings, arXiv:2205.13147); 0: all.
Status shorten(std::vector<float>& vector, size_t n_dimensions);

// 32-bit floats, little endian, as base64.
std::string floats_base64(const std::vector<float>& values);

}  // namespace hearth::server
