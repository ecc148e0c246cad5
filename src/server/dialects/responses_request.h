// SPDX-License-Identifier: MIT
// OpenAI's responses: a request to a Job. The conversation before it may be a kept one's.
#pragma once
#include "server/answering.h"

namespace hearth::server {

const FieldTable& responses_fields();

struct ResponseRequest {
  Work work;
  Json messages;  // the conversation that is kept: without this request's instructions
  bool keep = true;
};

Result<ResponseRequest> read_response(Call& call);

// What the answer repeats of the request.
Json echoed_fields(const RequestFields& fields);

}  // namespace hearth::server
