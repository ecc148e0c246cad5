// SPDX-License-Identifier: MIT
// The routes of every dialect, each from its own file.
#pragma once
#include <span>
#include <vector>

#include "server/route.h"

namespace hearth::server {

std::span<const Route> openai_routes();
std::span<const Route> responses_routes();
std::span<const Route> ollama_routes();
std::span<const Route> llama_server_routes();
std::span<const Route> anthropic_routes();

std::vector<std::span<const Route>> dialect_routes();

}  // namespace hearth::server
