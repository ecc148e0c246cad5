// SPDX-License-Identifier: MIT
// What several dialects ask in the same words: names of models, sampling, stop texts, the form of
// an answer, tools. In: fields that passed their tables. Out: members of a Job.
#pragma once
#include <string>
#include <string_view>

#include "server/answering.h"
#include "server/app.h"

namespace hearth::server {

constexpr int64_t kMaxModelName = 256;
constexpr int64_t kMaxStops = 64;
constexpr int64_t kMaxMessages = 16384;
constexpr int64_t kMaxTools = 512;
constexpr int64_t kMaxTokens = 100'000'000;  // of one answer: above every context
constexpr size_t kMaxGrammar = 512u << 10;

// "300" (seconds), "5m", "1h30m", "-1" (for ever), or a number of seconds. Other negative ones mean
// for ever too. Errors name the field.
Result<int64_t> read_duration(std::string_view field, const Json& value);

// Where a request names no model: the one that is loaded, or the only one there is; "" for neither.
std::string default_model(App& app);

// The target of the field "model", and what a profile of that name adds to the job: the system
// text as a first message where there is none, template, parameters.
Result<Target> read_target(Call& call, engine::Job& job);
// The same for a name from elsewhere; "" is default_model, with a warning.
Result<Target> target_of(Call& call, const std::string& name, engine::Job& job);

// The sampler's fields, "stop", "logit_bias" where the table has them.
Status read_stop(const RequestFields& fields, std::string_view name, engine::Job& job);
Status read_logit_bias(const Json& value, engine::Job& job);

// Messages in OpenAI's shape with texts only: parts of text become one text, "developer" is
// "system". Errors: images, audio, files.
Result<Json> text_messages(Json messages);
// The text of a content: a text, null, or a list of parts of text.
Result<std::string> content_text(const Json& content, std::string_view where);

// {"type":"json_schema",…}, {"type":"json_object"}, {"type":"text"}.
Status read_response_format(const Json& format, engine::Job& job);
Status set_schema(const Json& schema, std::string_view field, engine::Job& job);

// OpenAI's tools and tool_choice.
Status read_tools(Json tools, engine::Job& job);
Status read_tool_choice(const Json& choice, engine::Job& job);

// "none" to "high" and what else is in use.
Status read_effort(std::string_view field, std::string_view effort, engine::Job& job);
// Variables for the template: a small object.
Status read_variables(const Json& variables, std::string_view field, engine::Job& job);

}  // namespace hearth::server
