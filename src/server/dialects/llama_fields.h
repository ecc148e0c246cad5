// SPDX-License-Identifier: MIT
// The fields of llama-server's own routes.
#pragma once
#include "server/fields.h"

namespace hearth::server {

const FieldTable& llama_completion_fields();
const FieldTable& llama_infill_fields();
const FieldTable& llama_tokenize_fields();
const FieldTable& llama_detokenize_fields();
const FieldTable& llama_template_fields();

}  // namespace hearth::server
