// SPDX-License-Identifier: MIT
// Ollama's /api/pull: fetches a model of the catalogue into the store. Source: Ollama's
// docs/api.md, "Pull a Model", 2026.
#pragma once
#include <memory>

#include "server/app.h"

namespace hearth::server {

void answer_ollama_pull(const std::shared_ptr<Call>& call);

}  // namespace hearth::server
