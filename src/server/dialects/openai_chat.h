// SPDX-License-Identifier: MIT
// OpenAI's chat completions: a request to a Job, events to an answer or a stream.
#pragma once
#include <memory>

#include "server/answering.h"

namespace hearth::server {

struct ChatRequest {
  Work work;
  std::string model;  // as the client wrote it
  bool include_usage = false;
  bool with_timings = false;
};

// From a call's fields. Errors name the field.
Result<ChatRequest> read_chat(Call& call);

std::unique_ptr<Writer> chat_writer(const Call& call, const ChatRequest& request);

void answer_chat(const std::shared_ptr<Call>& call);
void answer_completion(const std::shared_ptr<Call>& call);
void answer_embeddings(const std::shared_ptr<Call>& call);
void answer_rerank(const std::shared_ptr<Call>& call);

// What chat and completions read alike: sampling, lengths, stop, shape, keep_alive.
Status read_openai_answer(Call& call, engine::Job& job);
Status read_openai_wish(Call& call, LoadWish& wish);
Result<bool> read_include_usage(Call& call);

}  // namespace hearth::server
