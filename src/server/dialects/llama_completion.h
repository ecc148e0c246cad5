// SPDX-License-Identifier: MIT
// llama-server's completion and infill, and prompts as texts or tokens.
#pragma once
#include <memory>
#include <string_view>
#include <vector>

#include "server/answering.h"

namespace hearth::server {

void answer_llama_completion(const std::shared_ptr<Call>& call);
void answer_llama_infill(const std::shared_ptr<Call>& call);

Result<std::vector<int32_t>> read_tokens(std::string_view field, const Json& value);
// A text, or a list of tokens that is not empty.
Status read_prompt(std::string_view field, const Json& value, engine::Job& job);

}  // namespace hearth::server
