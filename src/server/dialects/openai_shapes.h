// SPDX-License-Identifier: MIT
// The objects of OpenAI's answers that several of its routes share. Values only.
// Source: OpenAI API reference, chat completions and completions, 2026.
#pragma once
#include <string>
#include <string_view>

#include "server/collected.h"

namespace hearth::server {

// Usage and timings in OpenAI's words; `timings` as llama.cpp's server has them.
Json openai_usage(const engine::Usage& usage);
Json openai_timings(const engine::Usage& usage);

// "stop", "length", "tool_calls", …: a context that is full is "length" for clients.
std::string openai_finish_reason(std::string_view reason);

// {"content":[{token, logprob, bytes, top_logprobs}]}; null where there are none.
Json openai_chat_logprobs(const std::vector<sample::PositionLogprobs>& positions,
                          const std::vector<std::string>& all_texts);

// {tokens, token_logprobs, top_logprobs, text_offset} of the older route; `offset` goes on.
Json openai_text_logprobs(const std::vector<sample::PositionLogprobs>& positions,
                          const std::vector<std::string>& all_texts, size_t& offset);

// {index?, id, type, function:{name, arguments}}; of a stream with its index.
Json openai_tool_call(std::string_view id, std::string_view name, std::string_view arguments);

// Adds "warnings" where there are some.
void add_warnings(Json& body, const std::vector<std::string>& warnings);

}  // namespace hearth::server
