// SPDX-License-Identifier: MIT
// llama-server's own routes, as its clients and tools use them: health, properties, tokens,
// templates, slots, metrics. Source: llama.cpp's tools/server/README.md, 2026; Prometheus text
// format 0.0.4.
#include <algorithm>

#include "server/dialects/dialects.h"
#include "server/dialects/llama_completion.h"
#include "server/dialects/llama_fields.h"
#include "server/dialects/request_parts.h"
#include "server/dialects/result_writer.h"

namespace hearth::server {
namespace {

void health(const std::shared_ptr<Call>& call) { call->send(Json{{"status", "ok"}}); }

Json sampler_defaults() {
  const sample::SamplerParams params;
  Json defaults = Json::object();
  for (const sample::SamplerField& field : sample::sampler_fields()) {
    std::visit([&](const auto& value) { defaults[std::string(field.name)] = value; },
               sample::field_value(params, field));
  }
  return defaults;
}

void props(const std::shared_ptr<Call>& call) {
  App& app = call->app;
  const std::string name = default_model(app);
  int64_t n_ctx = 0, n_slots = 0;
  for (const LoadedModel& loaded : app.models().loaded()) {
    if (loaded.name != name) continue;
    n_ctx = loaded.n_ctx;
    n_slots = loaded.n_slots;
  }
  const auto facts =
      name.empty() ? Result<ModelFacts>(not_found("no model")) : app.models().facts(name);
  if (facts && n_ctx == 0) n_ctx = facts->context_length;
  call->send(
      Json{{"default_generation_settings", {{"params", sampler_defaults()}, {"n_ctx", n_ctx}}},
           {"total_slots", n_slots},
           {"model_alias", name},
           {"chat_template", facts ? facts->chat_template : ""},
           {"modalities", {{"vision", false}, {"audio", false}}},
           {"build_info", "hearth " + app.options().version},
           {"is_sleeping", n_slots == 0}});
}

void slots(const std::shared_ptr<Call>& call) {
  Json all = Json::array();
  for (const LoadedModel& loaded : call->app.models().loaded()) {
    const int64_t n_slots = std::min<int64_t>(loaded.n_slots, 4096);
    for (int64_t i = 0; i < n_slots; ++i)
      all.push_back({{"id", i},
                     {"model", loaded.name},
                     {"n_ctx", loaded.n_ctx},
                     {"is_processing", i < loaded.n_running}});
  }
  call->send(all);
}

void add_metric(std::string& text, std::string_view name, std::string_view type,
                std::string_view help, uint64_t value) {
  text += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n{0} {3}\n", name, help, type, value);
}

void metrics(const std::shared_ptr<Call>& call) {
  const ModelCounts counts = call->app.models().counts();
  const http::ServerLoads loads = call->app.loads();
  const std::vector<LoadedModel> models = call->app.models().loaded();
  uint64_t n_running = 0, n_queued = 0, n_bytes = 0;
  for (const LoadedModel& loaded : models) {
    n_running += static_cast<uint64_t>(loaded.n_running);
    n_queued += static_cast<uint64_t>(loaded.n_queued);
    n_bytes += loaded.bytes;
  }
  std::string text;
  add_metric(text, "llamacpp:prompt_tokens_total", "counter", "Tokens of prompts", counts.n_prompt);
  add_metric(text, "llamacpp:tokens_predicted_total", "counter", "Tokens of answers",
             counts.n_completion);
  add_metric(text, "llamacpp:requests_processing", "gauge", "Jobs that run", n_running);
  add_metric(text, "llamacpp:requests_deferred", "gauge", "Jobs that wait", n_queued);
  add_metric(text, "hearth_prompt_cached_tokens_total", "counter",
             "Tokens of prompts that had not to be computed", counts.n_cached);
  add_metric(text, "hearth_jobs_total", "counter", "Jobs begun", counts.n_jobs);
  add_metric(text, "hearth_jobs_failed_total", "counter", "Jobs that failed", counts.n_failed);
  add_metric(text, "hearth_jobs_cancelled_total", "counter", "Jobs whose client went away",
             counts.n_cancelled);
  add_metric(text, "hearth_engine_restarts_total", "counter", "Engine processes started again",
             counts.n_restarts);
  add_metric(text, "hearth_models_loaded", "gauge", "Models in memory", models.size());
  add_metric(text, "hearth_models_bytes", "gauge", "Memory that they were given", n_bytes);
  add_metric(text, "hearth_http_connections", "gauge", "Connections", loads.n_connections);
  add_metric(text, "hearth_http_requests_total", "counter", "Requests", loads.n_requests);
  add_metric(text, "hearth_http_requests_refused_total", "counter",
             "Requests refused before their handler", loads.n_refused);
  add_metric(text, "hearth_http_connections_dropped_total", "counter",
             "Connections dropped: too many, or too slow", loads.n_dropped);
  http::Response response;
  response.set("Content-Type", "text/plain; version=0.0.4");
  response.body = std::move(text);
  call->send(std::move(response));
}

void start_result(const std::shared_ptr<Call>& call, engine::Job job, ResultWriter::Shape shape) {
  auto target = read_target(*call, job);
  if (!target) return call->fail(target.error());
  Work work;
  work.target = std::move(*target);
  work.jobs.push_back(std::move(job));
  start_work(call, std::move(work), std::make_unique<ResultWriter>(std::move(shape)));
}

void tokenize(const std::shared_ptr<Call>& call) {
  const RequestFields& fields = call->fields;
  if (!fields.has("content")) return call->fail(bad_field("content", "a text is wanted").value());
  engine::Job job;
  job.kind = engine::JobKind::kTokenize;
  job.prompt = fields.text("content");
  job.add_special = fields.flag("add_special", false);
  job.parse_special = fields.flag("parse_special", true);
  const bool with_pieces = fields.flag("with_pieces", false);
  start_result(call, std::move(job), [with_pieces](const Json& result) {
    const Json tokens = result.value("tokens", Json::array());
    const Json pieces = result.value("pieces", Json::array());
    if (!with_pieces || pieces.size() != tokens.size()) return Json{{"tokens", tokens}};
    Json both = Json::array();
    for (size_t i = 0; i < tokens.size(); ++i)
      both.push_back({{"id", tokens[i]}, {"piece", pieces[i]}});
    return Json{{"tokens", std::move(both)}};
  });
}

void detokenize(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kDetokenize;
  auto tokens = read_tokens("tokens", call->fields.json("tokens"));
  if (!tokens) return call->fail(tokens.error());
  job.tokens = std::move(*tokens);
  start_result(call, std::move(job), [](const Json& result) {
    return Json{{"content", text_in(result, "text")}};
  });
}

void apply_template(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kTemplate;
  RequestFields& fields = call->fields;
  auto messages = text_messages(fields.take("messages"));
  if (!messages) return call->fail(messages.error());
  job.messages = std::move(*messages);
  job.add_generation_prompt = fields.flag("add_generation_prompt", true);
  Status read = read_tools(fields.take("tools"), job);
  if (read) read = read_variables(fields.json("chat_template_kwargs"), "chat_template_kwargs", job);
  if (!read) return call->fail(read.error());
  start_result(call, std::move(job), [](const Json& result) {
    return Json{{"prompt", text_in(result, "prompt")}};
  });
}

}  // namespace

std::span<const Route> llama_server_routes() {
  using enum Permission;
  using enum Streaming;
  constexpr Dialect kHere = Dialect::kLlamaServer;
  static const Route routes[] = {
      {"GET", "/health", kOpen, kHere, 0, kNone, no_fields, health},
      {"GET", "/v1/health", kOpen, kHere, 0, kNone, no_fields, health},
      {"GET", "/props", kInference, kHere, 0, kNone, no_fields, props},
      {"GET", "/slots", kInference, kHere, 0, kNone, no_fields, slots},
      {"GET", "/metrics", kInference, kHere, 0, kNone, no_fields, metrics},
      {"POST", "/tokenize", kInference, kHere, kMaxBody, kNone, llama_tokenize_fields, tokenize},
      {"POST", "/detokenize", kInference, kHere, kMaxBody, kNone, llama_detokenize_fields,
       detokenize},
      {"POST", "/apply-template", kInference, kHere, kMaxBody, kNone, llama_template_fields,
       apply_template},
      {"POST", "/completion", kInference, kHere, kMaxBody, kSse, llama_completion_fields,
       answer_llama_completion},
      {"POST", "/infill", kInference, kHere, kMaxBody, kSse, llama_infill_fields,
       answer_llama_infill},
  };
  return routes;
}

}  // namespace hearth::server
