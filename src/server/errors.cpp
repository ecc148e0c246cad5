// SPDX-License-Identifier: MIT
// Sources: OpenAI API reference, "Error codes"; Anthropic API reference, "Errors"; what Ollama's
// and llama.cpp's servers answer.
#include "server/errors.h"

namespace hearth::server {
namespace {

std::string told(const Error& error) {
  return error.hint.empty() ? error.message : error.message + "; " + error.hint;
}

std::string_view openai_type(int status) {
  if (status == 401) return "authentication_error";
  if (status == 403) return "permission_error";
  if (status == 429) return "rate_limit_error";
  return status >= 500 ? "server_error" : "invalid_request_error";
}

std::string openai_code(int status, const Error& error) {
  if (status == 401) return "invalid_api_key";
  if (status == 404 && error.code == ErrorCode::kNotFound) return "model_not_found";
  return std::string(error_code_name(error.code));
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 503:
    case 507:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

std::string_view llama_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 501:
      return "not_supported_error";
    case 503:
      return "unavailable_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

}  // namespace

int status_of(const Error& error, int64_t retry_after_s) {
  switch (error.code) {
    case ErrorCode::kInvalid:
    case ErrorCode::kUnsupported:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kLimit:
      return retry_after_s > 0 ? 429 : 400;
    case ErrorCode::kNoMemory:
      return 507;
    case ErrorCode::kIo:
    case ErrorCode::kInterrupted:
      return 503;
    case ErrorCode::kCorrupt:
    case ErrorCode::kNumeric:
    case ErrorCode::kInternal:
      break;
  }
  return 500;
}

Json error_json(Dialect dialect, int status, const Error& error) {
  const std::string message = told(error);
  switch (dialect) {
    case Dialect::kOllama:
      return {{"error", message}};
    case Dialect::kAnthropic:
      return {{"type", "error"},
              {"error", {{"type", anthropic_type(status)}, {"message", message}}}};
    case Dialect::kLlamaServer:
      return {{"error", {{"code", status}, {"message", message}, {"type", llama_type(status)}}}};
    case Dialect::kOpenAi:
      break;
  }
  const std::string_view field = field_of(error);
  return {{"error",
           {{"message", message},
            {"type", openai_type(status)},
            {"param", field.empty() ? Json() : Json(field)},
            {"code", openai_code(status, error)}}}};
}

http::Response json_response(const Json& body, int status) {
  http::Response response{.status = status};
  response.set("Content-Type", "application/json");
  response.body = json_text(body);
  return response;
}

http::Response error_response(Dialect dialect, int status, const Error& error,
                              int64_t retry_after_s) {
  http::Response response = json_response(error_json(dialect, status, error), status);
  if (retry_after_s > 0) response.set("Retry-After", std::to_string(retry_after_s));
  return response;
}

http::Response error_response(Dialect dialect, const Error& error, int64_t retry_after_s) {
  return error_response(dialect, status_of(error, retry_after_s), error, retry_after_s);
}

}  // namespace hearth::server
