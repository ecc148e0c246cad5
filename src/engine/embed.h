// SPDX-License-Identifier: MIT
// Texts as vectors: runs an encoder over a text's tokens and pools the hidden states to one vector
// of length 1.
#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"

namespace hearth::engine {

enum class Pooling { kMean, kCls, kLast };

// "mean", "cls", "last".
Result<Pooling> parse_pooling(std::string_view name);
// Errors: the model gives no vectors; what to use or to ask instead.
Status check_gives_vectors(const Engine& engine);
// What the model's file says, mean where it says nothing. Errors: a pooling that gives no one
// vector.
Result<Pooling> model_pooling(const Engine& engine);

// The vector [D] of one text's tokens. Errors: no tokens, too many for the model, it gives
// no vectors.
Result<std::vector<float>> embed(Engine& engine, std::span<const int32_t> tokens, Pooling pooling);

}  // namespace hearth::engine
