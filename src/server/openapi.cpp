// SPDX-License-Identifier: MIT
#include "server/openapi.h"

#include <fmt/core.h>

#include <algorithm>

#include "base/ascii.h"
#include "server/routes.h"

namespace hearth::server {
namespace {

std::string_view dialect_name(Dialect dialect) {
  switch (dialect) {
    case Dialect::kOpenAi:
      return "OpenAI";
    case Dialect::kOllama:
      return "Ollama";
    case Dialect::kAnthropic:
      return "Anthropic";
    case Dialect::kLlamaServer:
      return "llama-server";
  }
  return "";
}

Json field_schema(const Field& field) {
  Json schema = Json::object();
  const Json one_text = {{"type", "string"}};
  switch (field.type) {
    case FieldType::kBool:
      schema["type"] = {"boolean", "null"};
      break;
    case FieldType::kInteger:
      schema["type"] = {"integer", "null"};
      schema["minimum"] = field.least_count;
      schema["maximum"] = field.most_count;
      break;
    case FieldType::kReal:
      schema["type"] = {"number", "null"};
      schema["minimum"] = field.least;
      schema["maximum"] = field.most;
      break;
    case FieldType::kText:
      schema["type"] = {"string", "null"};
      schema["maxLength"] = field.most_count;
      break;
    case FieldType::kTexts:
      schema["type"] = {"string", "array", "null"};
      schema["items"] = one_text;
      schema["maxItems"] = field.most_count;
      break;
    case FieldType::kList:
      schema["type"] = {"array", "null"};
      schema["maxItems"] = field.most_count;
      break;
    case FieldType::kObject:
      schema["type"] = {"object", "null"};
      break;
    case FieldType::kAny:
      break;
  }
  std::string note(field.note);
  if (field.use == FieldUse::kNoEffect) note = "no effect: " + note;
  if (field.use == FieldUse::kWarned) note = "no effect, with a warning: " + note;
  if (field.use == FieldUse::kRefused) note = "refused: " + note;
  if (!note.empty()) schema["description"] = note;
  return schema;
}

Json body_of(const Route& route) {
  Json properties = Json::object();
  for (const Field& field : route.fields())
    properties[std::string(field.name)] = field_schema(field);
  Json schema = {{"type", "object"}, {"properties", std::move(properties)}};
  return {{"required", true},
          {"description", fmt::format("at most {} bytes", route.body_bytes)},
          {"content", {{"application/json", {{"schema", std::move(schema)}}}}}};
}

// The members that every whole answer of a route has, "name type …"; nothing: an answer may be of
// several shapes.
struct AnswerMembers {
  std::string_view method, pattern, members;
};
constexpr std::string_view kCompletion =
    "id string object string created integer model string choices array usage object";
constexpr std::string_view kResponse =
    "id string object string created_at integer status string model string output array";
constexpr AnswerMembers kAnswers[] = {
    {"GET", "/v1/models", "data array"},
    {"GET", "/v1/models/{model...}", "id string"},
    {"POST", "/v1/chat/completions", kCompletion},
    {"POST", "/v1/completions", kCompletion},
    {"POST", "/v1/embeddings", "object string data array model string usage object"},
    {"POST", "/v1/rerank", "object string model string results array usage object"},
    {"POST", "/v1/responses", kResponse},
    {"GET", "/v1/responses/{id}", kResponse},
    {"DELETE", "/v1/responses/{id}", "id string object string deleted boolean"},
    {"POST", "/api/chat", "model string created_at string message object done boolean"},
    {"POST", "/api/generate", "model string created_at string response string done boolean"},
    {"POST", "/api/embed", "model string embeddings array prompt_eval_count integer"},
    {"POST", "/api/embeddings", "embedding array"},
    {"GET", "/api/tags", "models array"},
    {"POST", "/api/show", "details object model_info object capabilities array"},
    {"GET", "/api/ps", "models array"},
    {"GET", "/api/version", "version string hearth string"},
    {"GET", "/health", "status string"},
    {"GET", "/v1/health", "status string"},
    {"GET", "/props", "default_generation_settings object total_slots integer modalities object"},
    {"POST", "/tokenize", "tokens array"},
    {"POST", "/detokenize", "content string"},
    {"POST", "/apply-template", "prompt string"},
    {"POST", "/v1/messages", "id string type string role string content array usage object"},
    {"POST", "/v1/messages/count_tokens", "input_tokens integer"},
};

// Of an object whose members are as in AnswerMembers.
Json object_schema(std::string_view members) {
  Json properties = Json::object(), required = Json::array();
  while (!members.empty()) {
    const size_t name_end = members.find(' ');
    const size_t type_end = std::min(members.find(' ', name_end + 1), members.size());
    const std::string name(members.substr(0, name_end));
    properties[name] = {{"type", members.substr(name_end + 1, type_end - name_end - 1)}};
    required.push_back(name);
    members.remove_prefix(std::min(type_end + 1, members.size()));
  }
  return {{"type", "object"}, {"required", required}, {"properties", properties}};
}

Json good_answer(const Route& route) {
  Json content = Json::object();
  const bool is_text = route.pattern == "/" || route.pattern == "/metrics";
  if (is_text) {
    content["text/plain"] = {{"schema", {{"type", "string"}}}};
  } else {
    content["application/json"] = Json::object();
  }
  for (const AnswerMembers& answer : kAnswers) {
    if (answer.method == route.method && answer.pattern == route.pattern)
      content["application/json"]["schema"] = object_schema(answer.members);
  }
  // OpenAPI 3.1 has no word for what one event or one line of a stream is.
  if (route.streaming == Streaming::kSse) content["text/event-stream"] = Json::object();
  if (route.streaming == Streaming::kNdjson) content["application/x-ndjson"] = Json::object();
  return {{"description", "the answer"}, {"content", std::move(content)}};
}

std::string parameter_of(std::string_view pattern) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) return "";
  std::string name(pattern.substr(open + 1, pattern.find('}') - open - 1));
  if (name.ends_with("...")) name.resize(name.size() - 3);
  return name;
}

Json answers_of(const Route& route) {
  Json answers = Json::object();
  if (route.refusal.empty()) answers["200"] = good_answer(route);
  const auto refer = [&](const char* status, const char* name) {
    answers[status] = {{"$ref", fmt::format("#/components/responses/{}", name)}};
  };
  const bool has_query = route.pattern == "/v1/models";  // pages, in Anthropic's shape
  const bool may_be_wrong =
      route.body_bytes > 0 || has_query || !parameter_of(route.pattern).empty();
  if (may_be_wrong || !route.refusal.empty()) refer("400", "BadRequest");
  if (route.permission != Permission::kOpen) {
    refer("401", "NoKey");
    refer("403", "Forbidden");
    refer("404", "NoModel");
  }
  if (route.body_bytes > 0) {
    refer("413", "TooLong");
    refer("429", "Busy");
    refer("503", "Unavailable");
    refer("507", "NoMemory");
  }
  refer("421", "WrongHost");
  return answers;
}

// "/v1/models/{model...}" as OpenAPI writes it.
std::string path_of(std::string_view pattern) {
  std::string path(pattern);
  if (const size_t dots = path.find("...}"); dots != std::string::npos) path.erase(dots, 3);
  return path;
}

Json operation(const Route& route) {
  Json entry = {{"tags", Json::array({dialect_name(route.dialect)})},
                {"operationId", fmt::format("{} {}", route.method, path_of(route.pattern))}};
  if (!route.refusal.empty()) entry["description"] = route.refusal;
  if (const std::string name = parameter_of(route.pattern); !name.empty())
    entry["parameters"] = Json::array(
        {{{"name", name}, {"in", "path"}, {"required", true}, {"schema", {{"type", "string"}}}}});
  if (route.body_bytes > 0) entry["requestBody"] = body_of(route);
  entry["responses"] = answers_of(route);
  Json security = Json::array();
  if (route.permission != Permission::kAdmin) security.push_back(Json::object());
  if (route.permission != Permission::kOpen) {
    security.push_back({{"bearer", Json::array()}});
    security.push_back({{"header", Json::array()}});
  }
  entry["security"] = std::move(security);
  entry["x-permission"] = route.permission == Permission::kOpen        ? "open"
                          : route.permission == Permission::kInference ? "inference"
                                                                       : "admin";
  return entry;
}

Json error_answer(std::string_view description) {
  return {
      {"description", description},
      {"content", {{"application/json", {{"schema", {{"$ref", "#/components/schemas/Error"}}}}}}}};
}

// Of Ollama's dialect a text; of the others an object, beside Anthropic's "type": "error".
Json error_schema() {
  Json inner = object_schema("message string type string");
  inner["type"] = {"object", "string"};
  return {{"type", "object"}, {"required", {"error"}}, {"properties", {{"error", inner}}}};
}

void write_yaml(const Json& value, size_t indent, std::string& out) {
  const std::string spaces(indent, ' ');
  const auto put = [&](const Json& inner) {
    if ((inner.is_object() || inner.is_array()) && !inner.empty()) {
      out += '\n';
      write_yaml(inner, indent + 2, out);
    } else {
      out += ' ' + json_text(inner) + '\n';
    }
  };
  if (value.is_array()) {
    for (const Json& item : value) {
      out += spaces + "-";
      put(item);
    }
    return;
  }
  for (const auto& [name, inner] : value.items()) {
    out += spaces + json_text(name) + ":";
    put(inner);
  }
}

}  // namespace

Json openapi_document() {
  Json paths = Json::object();
  for (const Route& route : all_routes())
    paths[path_of(route.pattern)][lowered(route.method)] = operation(route);
  Json answers = {
      {"BadRequest", error_answer("a field is wrong or cannot be honoured; it is named")},
      {"NoKey", error_answer("a key is wanted")},
      {"Forbidden", error_answer("the key may not do that, or a page of another origin asks")},
      {"NoModel", error_answer("there is no such model")},
      {"TooLong", error_answer("the body is longer than the route takes")},
      {"WrongHost", error_answer("the server does not answer for that Host")},
      {"Busy", error_answer("too much is asked at once; Retry-After says when to ask again")},
      {"Unavailable", error_answer("the model's process is not there now")},
      {"NoMemory", error_answer("the model does not fit into memory; the numbers are told")}};
  return {{"openapi", "3.1.0"},
          {"info",
           {{"title", "hearth"},
            {"version", "1"},
            {"description",
             "Fields that are not listed are answered with a warning, in the member 'warnings' and "
             "the header x-hearth-warnings."}}},
          {"servers", Json::array({{{"url", "http://127.0.0.1:4327"}}})},
          {"paths", std::move(paths)},
          {"components",
           {{"securitySchemes",
             {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
              {"header", {{"type", "apiKey"}, {"in", "header"}, {"name", "x-api-key"}}}}},
            {"schemas", {{"Error", error_schema()}}},
            {"responses", std::move(answers)}}}};
}

std::string yaml_text(const Json& value) {
  std::string out;
  write_yaml(value, 0, out);
  return out;
}

}  // namespace hearth::server
