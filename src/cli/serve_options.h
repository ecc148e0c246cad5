// SPDX-License-Identifier: MIT
// What `hearth serve` and the verbs that ask a running server take from the command line and the
// environment. A flag wins over HEARTH_…, that over OLLAMA_….
#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "server/http/client.h"
#include "server/serving.h"

namespace CLI {
class App;
}

namespace hearth::cli {

// Reads a variable; base's env, or a table in tests.
using ReadEnv = std::function<std::optional<std::string>(const char*)>;

// "[scheme://]host[:port]" as OLLAMA_HOST has it; the port 11434 where none is said.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
Result<HostPort> parse_ollama_host(std::string_view text);

// "11434,1234"; numbers from 1 to 65535.
Result<std::vector<uint16_t>> parse_ports(std::string_view text);

struct ServeOptions {
  std::string host, also, keep_alive, idle_exit, api_key, origins, host_names, model;
  int64_t port = 0;
  int64_t n_parallel = 0;    // answers at once; 0: the engine's own choice
  int64_t n_ctx = 0;         // 0: the model's own, as far as memory goes
  int64_t n_max_loaded = 0;  // models at once; 0: as many as fit
  bool require_key = false;

  void add_options(CLI::App& app);
  // What the flags leave open, from the environment.
  Status read_env(const ReadEnv& env);
  // After read_env.
  Result<server::ServingOptions> serving() const;
};

// Where a running server is: HEARTH_HOST and HEARTH_PORT, OLLAMA_HOST, else the default.
Result<http::ServerAddress> running_server(const ReadEnv& env);

}  // namespace hearth::cli
