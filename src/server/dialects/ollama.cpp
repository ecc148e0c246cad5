// SPDX-License-Identifier: MIT
// Ollama's dialect: its routes, and what there is to know and to change about models.
// Source: Ollama's docs/api.md and api/types.go, 2026.
#include <fmt/chrono.h>

#include <algorithm>
#include <ctime>

#include "server/dialects/dialects.h"
#include "server/dialects/ollama_answers.h"
#include "server/dialects/ollama_fields.h"
#include "server/dialects/ollama_pull.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

// The version of Ollama's interface that is followed: clients compare it with what they need.
constexpr std::string_view kFollowed = "0.12.6";

std::string iso_time(int64_t unix_s) {
  constexpr int64_t kFarthest = 253402300799;  // the end of the year 9999
  const auto time = static_cast<std::time_t>(std::clamp<int64_t>(unix_s, 0, kFarthest));
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time));
}

std::string upper(std::string text) {
  for (char& c : text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return text;
}

std::string size_name(int64_t n_parameters) {
  if (n_parameters <= 0) return "";
  if (n_parameters < 1'000'000'000)
    return fmt::format("{:.2f}M", static_cast<double>(n_parameters) / 1e6);
  return fmt::format("{:.1f}B", static_cast<double>(n_parameters) / 1e9);
}

Json details(const ModelCard& card, std::string_view parent, std::string_view size) {
  return {{"parent_model", parent}, {"format", card.format},
          {"family", card.arch},    {"families", Json::array({card.arch})},
          {"parameter_size", size}, {"quantization_level", upper(card.quant)}};
}

Json listed(const ModelCard& card, std::string_view parent) {
  return {{"name", card.name},
          {"model", card.name},
          {"modified_at", iso_time(card.modified_unix_s)},
          {"size", card.bytes},
          {"digest", card.sha256},
          {"details", details(card, parent, "")}};
}

void tags(const std::shared_ptr<Call>& call) {
  auto cards = call->app.models().list();
  if (!cards) return call->fail(cards.error());
  Json models = Json::array();
  for (const ModelCard& card : *cards) models.push_back(listed(card, ""));
  const auto profiles = call->app.profiles().list();
  if (!profiles) return call->fail(profiles.error());
  for (const Profile& profile : *profiles) {
    const auto below = call->app.models().find(profile.from);
    ModelCard card = below ? *below : ModelCard{};
    card.name = profile.name;
    card.modified_unix_s = profile.created_unix_s;
    models.push_back(listed(card, profile.from));
  }
  call->send(Json{{"models", std::move(models)}});
}

std::string parameters_text(const Profile& profile) {
  std::string text;
  for (const auto& [name, value] : profile.parameters.items()) {
    const Json all = value.is_array() ? value : Json::array({value});
    for (const Json& one : all) text += fmt::format("{:<30} {}\n", name, json_text(one));
  }
  return text;
}

void show(const std::shared_ptr<Call>& call) {
  const std::string name = ollama_name(call->fields);
  if (name.empty()) return call->fail(bad_field("model", "a name is wanted").value());
  Profile profile;
  if (auto found = call->app.profiles().find(name)) profile = std::move(*found);
  const auto facts = call->app.models().facts(profile.from.empty() ? name : profile.from);
  if (!facts) return call->fail(facts.error());
  const std::string& chat_template =
      profile.chat_template.empty() ? facts->chat_template : profile.chat_template;
  Json capabilities = Json::array();
  const char* const other = facts->embeds ? "embedding" : "completion";
  capabilities.push_back(facts->reranks ? "rerank" : other);
  if (chat_template.find("tools") != std::string::npos) capabilities.push_back("tools");
  const bool thinks = chat_template.find("thinking") != std::string::npos ||
                      chat_template.find("reasoning") != std::string::npos;
  if (thinks) capabilities.push_back("thinking");
  Json body = {{"license", profile.licence.empty() ? facts->card.licence : profile.licence},
               {"modelfile", fmt::format("FROM {}\n", facts->card.name)},
               {"parameters", parameters_text(profile)},
               {"template", chat_template},
               {"details", details(facts->card, profile.from, size_name(facts->n_parameters))},
               {"model_info", facts->fields},
               {"capabilities", std::move(capabilities)},
               {"modified_at", iso_time(facts->card.modified_unix_s)}};
  if (!profile.system.empty()) body["system"] = profile.system;
  if (!profile.messages.empty()) body["messages"] = profile.messages;
  call->send(body);
}

void ps(const std::shared_ptr<Call>& call) {
  Json models = Json::array();
  for (const LoadedModel& loaded : call->app.models().loaded()) {
    const auto found = call->app.models().find(loaded.name);
    ModelCard card = found ? *found : ModelCard{};
    card.name = loaded.name;
    card.bytes = loaded.bytes;
    Json entry = listed(card, "");
    entry.erase("modified_at");
    constexpr int64_t kNever = 9'000'000'000;  // the year 2255
    entry["expires_at"] = iso_time(loaded.expires_unix_s < 0 ? kNever : loaded.expires_unix_s);
    entry["size_vram"] = 0;
    entry["context_length"] = loaded.n_ctx;
    entry["state"] = loaded.state == LoadState::kReady     ? "ready"
                     : loaded.state == LoadState::kLoading ? "loading"
                                                           : "unloading";
    entry["slots"] = loaded.n_slots;
    entry["running"] = loaded.n_running;
    entry["queued"] = loaded.n_queued;
    entry["stays"] = loaded.expires_unix_s < 0;
    models.push_back(std::move(entry));
  }
  call->send(Json{{"models", std::move(models)}});
}

void version(const std::shared_ptr<Call>& call) {
  call->send(Json{{"version", kFollowed}, {"hearth", call->app.options().version}});
}

// A few lines about something that is done at once.
void send_lines(const std::shared_ptr<Call>& call, const std::vector<std::string>& states) {
  if (!call->fields.flag("stream", true)) return call->send(Json{{"status", states.back()}});
  call->start_stream();
  for (const std::string& state : states)
    call->exchange->write(ndjson_line(Json{{"status", state}}));
  call->exchange->finish();
}

void remove(const std::shared_ptr<Call>& call) {
  const std::string name = ollama_name(call->fields);
  if (name.empty()) return call->fail(bad_field("model", "a name is wanted").value());
  const bool is_profile = call->app.profiles().find(name).has_value();
  const Status removed =
      is_profile ? call->app.profiles().remove(name) : call->app.models().remove(name);
  if (!removed) return call->fail(removed.error());
  call->send(http::Response{});
}

// The new name must be nobody's: neither a profile's nor, as it would be hidden, a model's.
Result<std::string> free_name(App& app, const std::string& wanted) {
  TRY_LET(std::string name, Profiles::normal_name(wanted));
  const auto cards = app.models().list();
  if (!cards) return Failure(cards.error());
  const bool taken = std::any_of(cards->begin(), cards->end(),
                                 [&](const ModelCard& card) { return card.name == name; });
  if (taken) return invalid("there is a model of that name already");
  return name;
}

void copy(const std::shared_ptr<Call>& call) {
  App& app = call->app;
  const std::string source = call->fields.text("source");
  const auto name = free_name(app, call->fields.text("destination"));
  if (!name) return call->fail(name.error());
  Profile made;
  if (auto profile = app.profiles().find(source)) {
    made = std::move(*profile);
  } else {
    const auto card = app.models().find(source);
    if (!card) return call->fail(card.error());
    made.from = card->name;
  }
  made.name = *name;
  made.created_unix_s = app.unix_s();
  if (const Status put = app.profiles().put(std::move(made)); !put) return call->fail(put.error());
  call->send(http::Response{});
}

std::string licence_text(const Json& licence) {
  std::string all;
  const Json list = licence.is_array() ? licence : Json::array({licence});
  for (const Json& one : list) {
    if (one.is_string()) all += (all.empty() ? "" : "\n") + one.get<std::string>();
  }
  return all;
}

Result<Profile> read_profile(Call& call) {
  RequestFields& fields = call.fields;
  Profile made;
  TRY_LET(made.name, free_name(call.app, ollama_name(fields)));
  const std::string from = fields.text("from");
  if (from.empty()) return bad_field("from", "the name of a model is wanted");
  if (auto below = call.app.profiles().find(from)) {
    const std::string name = made.name;
    made = std::move(*below);
    made.name = name;
  } else {
    TRY_LET(const ModelCard card, call.app.models().find(from));
    made.from = card.name;
  }
  if (fields.has("system")) made.system = fields.text("system");
  if (fields.has("template")) made.chat_template = fields.text("template");
  if (!made.chat_template.empty() && made.chat_template.find("messages") == std::string::npos)
    return bad_field("template", "a Jinja template over 'messages' is wanted, Go's are not known");
  if (fields.has("license")) made.licence = licence_text(fields.json("license"));
  if (fields.has("messages")) {
    TRY_LET(made.messages, text_messages(fields.take("messages")));
  }
  if (fields.has("parameters")) {
    made.parameters.update(fields.json("parameters"));
    TRY_LET(const RequestFields checked,
            RequestFields::read(ollama_options_fields(), made.parameters, "parameters."));
    for (const std::string& warning : checked.warnings) fields.warnings.push_back(warning);
  }
  made.created_unix_s = call.app.unix_s();
  return made;
}

void create(const std::shared_ptr<Call>& call) {
  auto profile = read_profile(*call);
  if (!profile) return call->fail(profile.error());
  if (const Status put = call->app.profiles().put(std::move(*profile)); !put)
    return call->fail(put.error());
  send_lines(call, {"creating model", "writing manifest", "success"});
}

void root(const std::shared_ptr<Call>& call) {
  http::Response response;
  response.set("Content-Type", "text/plain; charset=utf-8");
  response.body = "hearth is running\n";
  call->send(std::move(response));
}

}  // namespace

std::span<const Route> ollama_routes() {
  using enum Permission;
  using enum Streaming;
  constexpr Dialect kHere = Dialect::kOllama;
  constexpr uint64_t kCreate = 8u << 20;
  constexpr std::string_view kNoBlobs =
      "models are not uploaded: import the file where it lies with: hearth import FILE --name NAME";
  static const Route routes[] = {
      {"GET", "/", kOpen, kHere, 0, kNone, no_fields, root},
      {"POST", "/api/chat", kInference, kHere, kMaxBody, kNdjson, ollama_chat_fields,
       answer_ollama_chat},
      {"POST", "/api/generate", kInference, kHere, kMaxBody, kNdjson, ollama_generate_fields,
       answer_ollama_generate},
      {"POST", "/api/embed", kInference, kHere, kMaxBody, kNone, ollama_embed_fields,
       answer_ollama_embed},
      {"POST", "/api/embeddings", kInference, kHere, kMaxBody, kNone, ollama_embeddings_fields,
       answer_ollama_embed},
      {"GET", "/api/tags", kInference, kHere, 0, kNone, no_fields, tags},
      {"POST", "/api/show", kInference, kHere, kSmallBody, kNone, ollama_show_fields, show},
      {"GET", "/api/ps", kInference, kHere, 0, kNone, no_fields, ps},
      {"GET", "/api/version", kOpen, kHere, 0, kNone, no_fields, version},
      {"GET", "/api/blobs/{digest}", kAdmin, kHere, kNoBlobs},
      {"POST", "/api/blobs/{digest}", kAdmin, kHere, kNoBlobs},
      {"POST", "/api/push", kAdmin, kHere, "hearth puts models nowhere"},
      {"POST", "/api/pull", kAdmin, kHere, kSmallBody, kNdjson, ollama_pull_fields,
       answer_ollama_pull},
      {"DELETE", "/api/delete", kAdmin, kHere, kSmallBody, kNone, ollama_delete_fields, remove},
      {"POST", "/api/copy", kAdmin, kHere, kSmallBody, kNone, ollama_copy_fields, copy},
      {"POST", "/api/create", kAdmin, kHere, kCreate, kNdjson, ollama_create_fields, create},
  };
  return routes;
}

}  // namespace hearth::server
