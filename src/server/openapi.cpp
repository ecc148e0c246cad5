// SPDX-License-Identifier: MIT
#include "server/openapi.h"

#include <fmt/core.h>

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

Json good_answer(const Route& route) {
  Json content = Json::object();
  const bool is_text = route.pattern == "/" || route.pattern == "/metrics";
  if (is_text) {
    content["text/plain"] = {{"schema", {{"type", "string"}}}};
  } else {
    content["application/json"] = Json::object();
  }
  if (route.streaming == Streaming::kSse)
    content["text/event-stream"] = {{"schema", {{"type", "string"}}}};
  if (route.streaming == Streaming::kNdjson)
    content["application/x-ndjson"] = {{"schema", {{"type", "string"}}}};
  return {{"description", "the answer"}, {"content", std::move(content)}};
}

Json answers_of(const Route& route) {
  Json answers = {{"200", good_answer(route)}};
  const auto refer = [&](const char* status, const char* name) {
    answers[status] = {{"$ref", fmt::format("#/components/responses/{}", name)}};
  };
  if (route.body_bytes > 0) refer("400", "BadRequest");
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

std::string parameter_of(std::string_view pattern) {
  const size_t open = pattern.find('{');
  if (open == std::string_view::npos) return "";
  std::string name(pattern.substr(open + 1, pattern.find('}') - open - 1));
  if (name.ends_with("...")) name.resize(name.size() - 3);
  return name;
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
  return {{"description", description},
          {"content", {{"application/json", {{"schema", {{"type", "object"}}}}}}}};
}

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
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
            {"responses", std::move(answers)}}}};
}

std::string yaml_text(const Json& value) {
  std::string out;
  write_yaml(value, 0, out);
  return out;
}

}  // namespace hearth::server
