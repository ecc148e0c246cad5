// SPDX-License-Identifier: MIT
#include "server/dialects/dialects.h"

namespace hearth::server {

std::vector<std::span<const Route>> dialect_routes() {
  return {openai_routes(), responses_routes(), ollama_routes(), llama_server_routes(),
          anthropic_routes()};
}

}  // namespace hearth::server
