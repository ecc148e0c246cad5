// SPDX-License-Identifier: MIT
// OpenAI's older completions: texts or tokens, several prompts at once, echo, filling in.
// Source: OpenAI API reference, completions, 2026.
#include "server/dialects/llama_completion.h"
#include "server/dialects/openai_chat.h"
#include "server/dialects/openai_shapes.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

constexpr size_t kMaxPrompts = 128;

bool is_token_list(const Json& value) {
  return value.is_array() && !value.empty() && value.front().is_number();
}

Result<std::vector<engine::Job>> jobs_of(const Json& prompt, const engine::Job& pattern) {
  std::vector<engine::Job> jobs;
  const bool several = prompt.is_array() && !is_token_list(prompt);
  if (several && (prompt.empty() || prompt.size() > kMaxPrompts))
    return bad_field("prompt", fmt::format("1 to {} prompts are taken", kMaxPrompts));
  const Json one = several ? Json() : Json::array({prompt});
  for (const Json& item : several ? prompt : one) {
    jobs.push_back(pattern);
    TRY(read_prompt("prompt", item, jobs.back()));
  }
  return jobs;
}

// Bytes of an answer that no logprobs tell: the beginning of an echoed prompt.
size_t text_before_logprobs(const CollectedAnswer& answer) {
  size_t told = 0, at = 0;
  for (const sample::PositionLogprobs& position : answer.logprobs) {
    if (at < answer.logprob_texts.size()) told += answer.logprob_texts[at].size();
    at += 1 + position.top.size();
  }
  return told < answer.text.size() ? answer.text.size() - told : 0;
}

class CompletionWriter final : public Writer {
 public:
  CompletionWriter(const Call& call, bool include_usage, size_t n_answers)
      : id_(call.app.make_id("cmpl-")),
        model_(call.fields.text("model")),
        created_(call.app.unix_s()),
        include_usage_(include_usage),
        offsets_(n_answers, 0) {}

  std::string stream(const Event& event) override {
    if (event.kind == EventKind::kDelta) return piece(event, {});
    if (event.kind == EventKind::kFinished)
      return piece(event, openai_finish_reason(event.finish_reason));
    if (event.kind != EventKind::kDone) return {};
    std::string text;
    if (include_usage_ || !event.warnings.empty()) {
      Json body = head();
      body["choices"] = Json::array();
      if (include_usage_) body["usage"] = openai_usage(event.usage);
      body["timings"] = openai_timings(event.usage);
      add_warnings(body, event.warnings);
      text = sse_data(body);
    }
    return text + "data: [DONE]\n\n";
  }

  std::string stream_failure(const Error& error) override {
    return sse_data(error_json(Dialect::kOpenAi, status_of(error), error));
  }

  http::Response whole(const Collected& all) override {
    Json choices = Json::array();
    for (size_t i = 0; i < all.answers.size(); ++i) {
      const CollectedAnswer& answer = all.answers[i];
      size_t offset = text_before_logprobs(answer);
      Json choice = {{"index", i}, {"text", answer.text}};
      choice["logprobs"] = openai_text_logprobs(answer.logprobs, answer.logprob_texts, offset);
      choice["finish_reason"] = openai_finish_reason(answer.finish_reason);
      if (!answer.tokens.empty()) choice["tokens"] = answer.tokens;
      choices.push_back(std::move(choice));
    }
    Json body = head();
    body["choices"] = std::move(choices);
    body["usage"] = openai_usage(all.usage);
    body["timings"] = openai_timings(all.usage);
    add_warnings(body, all.warnings);
    return json_response(body);
  }

 private:
  Json head() const {
    return {{"id", id_},
            {"object", "text_completion"},
            {"created", created_},
            {"model", model_},
            {"system_fingerprint", "hearth"}};
  }

  std::string piece(const Event& event, Json reason) {
    const auto index = static_cast<size_t>(event.i_answer);
    if (index >= offsets_.size()) return {};
    if (event.logprobs.empty()) offsets_[index] += event.text.size();
    Json choice = {{"index", index}, {"text", event.text}};
    choice["logprobs"] = openai_text_logprobs(event.logprobs, event.logprob_texts, offsets_[index]);
    choice["finish_reason"] = std::move(reason);
    if (!event.tokens.empty()) choice["tokens"] = event.tokens;
    Json body = head();
    body["choices"] = Json::array({std::move(choice)});
    if (include_usage_) body["usage"] = nullptr;
    return sse_data(body);
  }

  std::string id_, model_;
  int64_t created_;
  bool include_usage_;
  std::vector<size_t> offsets_;  // bytes of each answer so far
};

Status read_completion(Call& call, engine::Job& job) {
  const RequestFields& fields = call.fields;
  TRY(read_openai_answer(call, job));
  job.kind = engine::JobKind::kComplete;
  job.suffix = fields.text("suffix");
  job.echo = fields.flag("echo", false);
  if (fields.has("logprobs")) job.n_logprobs = static_cast<int>(fields.integer("logprobs", 0));
  if (!fields.has("max_tokens") && !fields.has("n_predict") && job.max_tokens < 0)
    job.max_tokens = 16;  // OpenAI's default
  if (fields.has("best_of") && fields.integer("best_of", 1) != job.n)
    return bad_field("best_of", "only the value of n is supported");
  if (job.echo && !job.suffix.empty()) return bad_field("echo", "not together with suffix");
  return {};
}

}  // namespace

void answer_completion(const std::shared_ptr<Call>& call) {
  engine::Job pattern;
  Work work;
  auto target = read_target(*call, pattern);
  if (!target) return call->fail(target.error());
  work.target = std::move(*target);
  if (const Status read = read_completion(*call, pattern); !read) return call->fail(read.error());
  if (const Status read = read_openai_wish(*call, work.target.wish); !read)
    return call->fail(read.error());
  const auto include_usage = read_include_usage(*call);
  if (!include_usage) return call->fail(include_usage.error());
  if (!call->fields.has("prompt"))
    return call->fail(bad_field("prompt", "a text or a list of tokens is wanted").value());
  auto jobs = jobs_of(call->fields.json("prompt"), pattern);
  if (!jobs) return call->fail(jobs.error());
  work.jobs = std::move(*jobs);
  work.stream = call->fields.flag("stream", false);
  const size_t n_answers = work.jobs.size() * static_cast<size_t>(pattern.n);
  start_work(call, std::move(work),
             std::make_unique<CompletionWriter>(*call, *include_usage, n_answers));
}

}  // namespace hearth::server
