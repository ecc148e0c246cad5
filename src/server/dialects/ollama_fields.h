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
const FieldTable& ollama_pull_fields();
const FieldTable& ollama_delete_fields();
const FieldTable& ollama_copy_fields();
const FieldTable& ollama_create_fields();

// The model that a request is about; "" where it names none.
std::string ollama_name(const RequestFields& fields);

}  // namespace hearth::server
