// SPDX-License-Identifier: MIT
// The fields of Ollama's routes and of its options.
#pragma once
#include "server/fields.h"

namespace hearth::server {

const FieldTable& ollama_options_fields();
const FieldTable& ollama_chat_fields();
const FieldTable& ollama_generate_fields();
const FieldTable& ollama_embed_fields();
const FieldTable& ollama_embeddings_fields();
const FieldTable& ollama_show_fields();
const FieldTable& ollama_name_fields();  // pull, delete
const FieldTable& ollama_copy_fields();
const FieldTable& ollama_create_fields();

}  // namespace hearth::server
