// SPDX-License-Identifier: MIT
#include "cli/serve_options.h"

#include <algorithm>
#include <charconv>

#include "cli/options.h"
#include "server/dialects/request_parts.h"

namespace hearth::cli {
namespace {

constexpr uint16_t kOllamaPort = 11434;
constexpr int64_t kMaxParallel = 256;

template <class T>
bool parse_number(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

std::vector<std::string> split(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t comma = std::min(text.find(','), text.size());
    if (comma > 0) words.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return words;
}

std::string lowered(std::string text) {
  for (char& c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

// The first of the variables that is set.
std::optional<std::string> first_of(const ReadEnv& env, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    if (auto value = env(name)) return value;
  }
  return {};
}

void take_text(std::string& value, const ReadEnv& env, std::initializer_list<const char*> names) {
  if (!value.empty()) return;
  if (auto text = first_of(env, names)) value = *text;
}

Status take_number(int64_t& value, int64_t most, const ReadEnv& env,
                   std::initializer_list<const char*> names) {
  if (value != 0) return {};
  for (const char* name : names) {
    const auto text = env(name);
    if (!text) continue;
    if (!parse_number(*text, value) || value < 0 || value > most)
      return invalid("{} is '{}', allowed is 0 to {}", name, *text, most);
    return {};
  }
  return {};
}

// "localhost" stays; names of other machines are nobody's address.
Result<std::string> listening_host(const std::string& host) {
  if (host.empty()) return std::string("localhost");
  if (host == "*") return std::string("0.0.0.0");
  return host;
}

}  // namespace

Result<HostPort> parse_ollama_host(std::string_view text) {
  const std::string_view all = text;
  HostPort result{.host = {}, .port = kOllamaPort};
  if (const size_t scheme = text.find("://"); scheme != std::string_view::npos) {
    if (text.substr(0, scheme) == "http") result.port = 80;
    if (text.substr(0, scheme) == "https") result.port = 443;
    text.remove_prefix(scheme + 3);
  }
  text = text.substr(0, text.find('/'));
  std::string_view rest;
  if (text.starts_with('[')) {
    const size_t close = text.find(']');
    if (close == std::string_view::npos) return invalid("'{}' is not HOST:PORT", all);
    result.host = text.substr(1, close - 1);
    rest = text.substr(close + 1);
  } else if (std::count(text.begin(), text.end(), ':') > 1) {
    result.host = text;
  } else {
    const size_t colon = std::min(text.find(':'), text.size());
    result.host = text.substr(0, colon);
    rest = text.substr(colon);
  }
  if (!rest.empty() && (rest.front() != ':' || !parse_number(rest.substr(1), result.port)))
    return invalid("'{}' is not HOST:PORT", all);
  if (result.host.empty()) result.host = "127.0.0.1";
  return result;
}

Result<std::vector<uint16_t>> parse_ports(std::string_view text) {
  std::vector<uint16_t> ports;
  for (const std::string& word : split(text)) {
    uint16_t port = 0;
    if (!parse_number(std::string_view(word), port) || port == 0)
      return invalid("'{}' is not a port from 1 to 65535", word);
    ports.push_back(port);
  }
  return ports;
}

void ServeOptions::add_options(CLI::App& app) {
  add_option(app, "--host", host, "Address to listen on; others than this machine's need a key")
      .type_name("ADDRESS");
  add_option(app, "-p,--port", port, "Port to listen on (4327)").within(1, 65535).type_name("N");
  add_option(app, "--also", also, "Further ports, where they are free: 11434,1234")
      .type_name("PORTS");
  add_option(app, "-m,--model", model, "Load this model at once").type_name("MODEL");
  add_option(app, "--keep-alive", keep_alive, "How long an unused model stays: 5m, 300, -1")
      .type_name("TIME");
  add_option(app, "--idle-exit", idle_exit, "End after so long without a request")
      .type_name("TIME");
  add_option(app, "--parallel", n_parallel, "Answers at once of one model (-np)")
      .within(0, kMaxParallel)
      .type_name("N");
  add_option(app, "-c,--ctx-size", n_ctx, "Positions of one answer's context (0: the model's own)")
      .within(0, server::kMaxTokens)
      .type_name("N");
  add_option(app, "--max-models", n_max_loaded, "Models at once (0: as many as fit)")
      .within(0, 1000)
      .type_name("N");
  add_option(app, "--api-key", api_key, "One more key; better in HEARTH_API_KEY").type_name("KEY");
  add_flag(app, "--require-key", require_key, "Want a key from this machine's programs too");
  add_option(app, "--allow-origin", origins, "Web pages that may use the server: https://a.example")
      .type_name("ORIGINS");
  add_option(app, "--host-name", host_names, "Further names of this server, as a proxy sends them")
      .type_name("NAMES");
}

Status ServeOptions::read_env(const ReadEnv& env) {
  if (host.empty() && !env("HEARTH_HOST")) {
    if (const auto theirs = env("OLLAMA_HOST")) {
      TRY_LET(const HostPort parsed, within("OLLAMA_HOST", parse_ollama_host(*theirs)));
      host = parsed.host;
      if (port == 0 && !env("HEARTH_PORT")) port = parsed.port;
    }
  }
  take_text(host, env, {"HEARTH_HOST"});
  TRY(take_number(port, 65535, env, {"HEARTH_PORT"}));
  take_text(also, env, {"HEARTH_ALSO"});
  take_text(keep_alive, env, {"HEARTH_KEEP_ALIVE", "OLLAMA_KEEP_ALIVE"});
  take_text(idle_exit, env, {"HEARTH_IDLE_EXIT"});
  take_text(api_key, env, {"HEARTH_API_KEY"});
  take_text(origins, env, {"HEARTH_ORIGINS"});
  take_text(host_names, env, {"HEARTH_HOST_NAMES"});
  TRY(take_number(n_parallel, kMaxParallel, env, {"HEARTH_PARALLEL", "OLLAMA_NUM_PARALLEL"}));
  TRY(take_number(n_ctx, server::kMaxTokens, env, {"HEARTH_CTX", "OLLAMA_CONTEXT_LENGTH"}));
  return take_number(n_max_loaded, 1000, env, {"HEARTH_MAX_MODELS", "OLLAMA_MAX_LOADED_MODELS"});
}

Result<server::ServingOptions> ServeOptions::serving() const {
  server::ServingOptions serving;
  TRY_LET(serving.host, listening_host(host));
  if (port != 0) serving.port = static_cast<uint16_t>(port);
  TRY_LET(serving.also, parse_ports(also));
  serving.api_key = api_key;
  serving.app.security.require_key = require_key;
  serving.app.security.allowed_origins = split(origins);
  serving.app.security.host_names = split(lowered(host_names));
  if (!idle_exit.empty()) {
    TRY_LET(serving.idle_exit_s, server::read_duration("--idle-exit", idle_exit));
    serving.idle_exit_s = std::max<int64_t>(0, serving.idle_exit_s);
  }
  if (!keep_alive.empty()) {
    TRY_LET(serving.app.default_wish.keep_alive_s,
            server::read_duration("--keep-alive", keep_alive));
  }
  serving.app.default_wish.n_ctx = n_ctx;
  return serving;
}

Result<http::ServerAddress> running_server(const ReadEnv& env) {
  ServeOptions options;
  TRY(options.read_env(env));
  http::ServerAddress address;
  address.port = options.port != 0 ? static_cast<uint16_t>(options.port) : server::kDefaultPort;
  const bool any = options.host.empty() || options.host == "localhost" || options.host == "*" ||
                   options.host == "0.0.0.0" || options.host == "::";
  if (!any) address.host = options.host;
  address.key = options.api_key;
  return address;
}

}  // namespace hearth::cli
