// SPDX-License-Identifier: MIT
// llama-server's completion and infill. Source: llama.cpp's tools/server/README.md, 2026.
#include "server/dialects/llama_completion.h"

#include "server/dialects/openai_shapes.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

constexpr size_t kMaxPromptTokens = 4u << 20;

std::string stop_type(const std::string& reason, const std::string& stopped_by) {
  if (!stopped_by.empty()) return "word";
  if (reason == "length" || reason == "context_full") return "limit";
  return reason == "stop" ? "eos" : "none";
}

class LlamaWriter final : public Writer {
 public:
  explicit LlamaWriter(std::string model) : model_(std::move(model)) {}

  std::string stream(const Event& event) override {
    if (event.kind == EventKind::kDelta || event.kind == EventKind::kFinished) {
      if (event.kind == EventKind::kFinished) {
        finish_reason_ = event.finish_reason;
        stopped_by_ = event.stopped_by;
      }
      const std::string text = event.reasoning + event.text;
      if (text.empty() && event.tokens.empty()) return {};
      Json body = {{"index", 0}, {"content", text}, {"tokens", event.tokens}, {"stop", false}};
      add_probabilities(body, event.logprobs, event.logprob_texts);
      return sse_data(body);
    }
    if (event.kind != EventKind::kDone) return {};
    return sse_data(last("", {}, event.usage, event.warnings));
  }

  std::string stream_failure(const Error& error) override {
    return sse_data(error_json(Dialect::kLlamaServer, status_of(error), error));
  }

  http::Response whole(const Collected& all) override {
    static const CollectedAnswer none;
    const CollectedAnswer& answer = all.answers.empty() ? none : all.answers.front();
    finish_reason_ = answer.finish_reason;
    stopped_by_ = answer.stopped_by;
    Json body = last(answer.reasoning + answer.text, answer.tokens, all.usage, all.warnings);
    add_probabilities(body, answer.logprobs, answer.logprob_texts);
    return json_response(body);
  }

 private:
  static void add_probabilities(Json& body, const std::vector<sample::PositionLogprobs>& positions,
                                const std::vector<std::string>& all_texts) {
    Json logprobs = openai_chat_logprobs(positions, all_texts);
    if (!logprobs.is_null()) body["completion_probabilities"] = logprobs["content"];
  }

  Json last(std::string_view text, const std::vector<int32_t>& tokens, const engine::Usage& usage,
            const std::vector<std::string>& warnings) const {
    Json body = {{"index", 0},
                 {"content", text},
                 {"tokens", tokens},
                 {"stop", true},
                 {"model", model_},
                 {"tokens_predicted", usage.n_completion},
                 {"tokens_evaluated", usage.n_prompt},
                 {"tokens_cached", usage.n_cached},
                 {"truncated", false},
                 {"stop_type", stop_type(finish_reason_, stopped_by_)},
                 {"stopping_word", stopped_by_},
                 {"timings", openai_timings(usage)}};
    add_warnings(body, warnings);
    return body;
  }

  std::string model_, finish_reason_, stopped_by_;
};

Status read_llama_answer(Call& call, engine::Job& job, LoadWish& wish) {
  const RequestFields& fields = call.fields;
  job.kind = engine::JobKind::kComplete;
  job.split_reasoning = false;
  TRY(fields.read_sampler(job.sampler));
  TRY(read_stop(fields, "stop", job));
  TRY(read_logit_bias(fields.json("logit_bias"), job));
  job.max_tokens = fields.integer("n_predict", fields.integer("max_tokens", -1));
  job.ignore_end = fields.flag("ignore_eos", false);
  job.want_tokens = fields.flag("return_tokens", false);
  if (fields.integer("n_probs", 0) > 0)
    job.n_logprobs = static_cast<int>(fields.integer("n_probs", 0));
  if (fields.has("json_schema")) TRY(set_schema(fields.json("json_schema"), "json_schema", job));
  if (!fields.text("grammar").empty()) {
    if (job.shape != engine::Shape::kFree)
      return bad_field("grammar", "json_schema restricts the answer already");
    job.shape = engine::Shape::kGrammar;
    job.shape_text = fields.text("grammar");
  }
  if (fields.has("keep_alive")) {
    TRY_LET(wish.keep_alive_s, read_duration("keep_alive", fields.json("keep_alive")));
  }
  return {};
}

Status read_infill(const RequestFields& fields, engine::Job& job) {
  if (fields.has("prompt") && !fields.json("prompt").is_string())
    return bad_field("prompt", "a text is wanted");
  if (!fields.has("input_prefix") && !fields.has("input_suffix"))
    return bad_field("input_prefix", "the text before the gap is wanted");
  std::string before;
  for (const Json& extra : fields.json("input_extra")) {
    const bool whole = extra.is_object() && extra.contains("text") && extra["text"].is_string();
    if (!whole) return bad_field("input_extra", "objects with a filename and a text are wanted");
    before += extra["text"].get<std::string>() + "\n";
  }
  job.prompt = before + fields.text("input_prefix") + fields.text("prompt");
  job.suffix = fields.text("input_suffix");
  return {};
}

}  // namespace

Result<std::vector<int32_t>> read_tokens(std::string_view field, const Json& value) {
  std::vector<int32_t> tokens;
  if (!value.is_array()) return bad_field(field, "a list of tokens is wanted");
  if (value.size() > kMaxPromptTokens) return bad_field(field, "too many tokens");
  for (const Json& token : value) {
    const bool whole =
        token.is_number_integer() && token.get<int64_t>() >= 0 && token.get<int64_t>() <= INT32_MAX;
    if (!whole) return bad_field(field, "a token is a whole number from 0 on");
    tokens.push_back(token.get<int32_t>());
  }
  return tokens;
}

Status read_prompt(std::string_view field, const Json& value, engine::Job& job) {
  if (value.is_string()) {
    job.prompt = value.get<std::string>();
    return {};
  }
  if (!value.is_array() || value.empty() || !value.front().is_number())
    return bad_field(field, "a text or a list of tokens is wanted");
  TRY_LET(job.tokens, read_tokens(field, value));
  return {};
}

namespace {

void start(const std::shared_ptr<Call>& call, Status (*read)(const RequestFields&, engine::Job&)) {
  engine::Job job;
  Work work;
  auto target = read_target(*call, job);
  if (!target) return call->fail(target.error());
  if (const Status asked = read_llama_answer(*call, job, target->wish); !asked)
    return call->fail(asked.error());
  if (const Status asked = read(call->fields, job); !asked) return call->fail(asked.error());
  const std::string name = call->fields.text("model", target->model);
  work.target = std::move(*target);
  work.jobs.push_back(std::move(job));
  work.stream = call->fields.flag("stream", false);
  start_work(call, std::move(work), std::make_unique<LlamaWriter>(name));
}

}  // namespace

void answer_llama_completion(const std::shared_ptr<Call>& call) {
  start(call, [](const RequestFields& fields, engine::Job& job) {
    return read_prompt("prompt", fields.json("prompt"), job);
  });
}

void answer_llama_infill(const std::shared_ptr<Call>& call) { start(call, read_infill); }

}  // namespace hearth::server
