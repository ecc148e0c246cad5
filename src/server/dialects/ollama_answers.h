// SPDX-License-Identifier: MIT
// Ollama's chat and generate: a request to a Job, events to lines or one object.
#pragma once
#include <memory>
#include <string>

#include "server/answering.h"

namespace hearth::server {

void answer_ollama_chat(const std::shared_ptr<Call>& call);
void answer_ollama_generate(const std::shared_ptr<Call>& call);
void answer_ollama_embed(const std::shared_ptr<Call>& call);  // embed and embeddings

// "options" and "keep_alive" of a call: the sampler's fields, stop, lengths, the context.
Status read_ollama_options(Call& call, engine::Job& job, LoadWish& wish);

}  // namespace hearth::server
