// SPDX-License-Identifier: MIT
// The fields of OpenAI's routes, and of those that other servers have added to them.
#pragma once
#include "server/fields.h"

namespace hearth::server {

inline constexpr size_t kMaxInputs = 2048;  // texts, token lists or documents of one request

const FieldTable& openai_chat_fields();
const FieldTable& openai_completion_fields();
const FieldTable& openai_embedding_fields();
const FieldTable& openai_rerank_fields();
const FieldTable& openai_stream_options_fields();

}  // namespace hearth::server
