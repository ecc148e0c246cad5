// SPDX-License-Identifier: MIT
// Anthropic's conversations in OpenAI's shape.
#pragma once
#include "server/app.h"
#include "server/fields.h"

namespace hearth::server {

// Messages and system text. Errors name the block: images and other things that are no text.
Result<Json> messages_of_anthropic(const Json& system, const Json& messages);

// {name, description, input_schema} as functions.
Result<Json> tools_of_anthropic(const Json& tools);

// The prompt of a call: messages, tools, thinking, choice. The rest of the job stays as it is.
Status read_anthropic_prompt(Call& call, engine::Job& job);

}  // namespace hearth::server
