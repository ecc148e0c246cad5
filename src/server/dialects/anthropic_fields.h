// SPDX-License-Identifier: MIT
// The fields of Anthropic's routes.
#pragma once
#include "server/fields.h"

namespace hearth::server {

const FieldTable& anthropic_message_fields();
const FieldTable& anthropic_count_fields();
const FieldTable& anthropic_thinking_fields();
const FieldTable& anthropic_tool_choice_fields();

}  // namespace hearth::server
