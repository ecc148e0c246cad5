// SPDX-License-Identifier: MIT
// The server's own logic between HTTP and the dialects: the gate (Host, origin, route, key, limits)
// and the handler (JSON, fields, the route's function). One for a server. Thread rule: the HTTP
// loop's thread, but for what a Models implementation calls back, which it moves there itself.
#pragma once
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/clock.h"
#include "server/errors.h"
#include "server/http/http_server.h"
#include "server/keys.h"
#include "server/models.h"
#include "server/profiles.h"
#include "server/pulls.h"
#include "server/response_store.h"
#include "server/routes.h"
#include "server/security.h"

namespace hearth::server {

struct AppOptions {
  SecurityOptions security;
  // Inference without a key: every address is loopback and no proxy's name is configured.
  bool open_inference = true;
  LoadWish default_wish;
  size_t n_jobs = 512;  // under way or waiting, of all owners (F24)
  size_t n_jobs_per_owner = 256;
  std::string version;
  hub::FetchSettings fetch;
};

// Whose request it is.
struct Identity {
  std::string owner = "local";  // the key's id
  bool inference = false, admin = false;
};

class App;

// One request that has found its route and passed the gate.
class Call {
 public:
  Call(App& its_app, const Route& its_route, std::shared_ptr<http::Exchange> its_exchange,
       Identity who, std::string in_path)
      : app(its_app),
        route(its_route),
        exchange(std::move(its_exchange)),
        identity(std::move(who)),
        parameter(std::move(in_path)) {}

  App& app;
  const Route& route;
  std::shared_ptr<http::Exchange> exchange;
  Identity identity;
  std::string parameter;  // of the path
  RequestFields fields;   // of the body, where the route has a table

  void send(http::Response response);
  void send(const Json& body, int status = 200) { send(json_response(body, status)); }
  void fail(const Error& error, int64_t retry_after_s = 0) {
    send(error_response(route.dialect, error, retry_after_s));
  }
  // The head of a stream of the route's kind.
  void start_stream();
  // What a response of either kind carries besides.
  void add_headers(http::Response& response) const;
};

class App {
 public:
  App(AppOptions options, Models& models, KeyStore keys, Profiles profiles);
  ~App();

  // For HttpServer's constructor.
  http::Admission gate(const http::RequestHead& head, const http::Peer& peer);
  void handle(const std::shared_ptr<http::Exchange>& exchange);
  http::Response fault_page(const http::Fault& fault) const;

  // Before the server runs. Without one (in tests) everything happens at once.
  void attach(http::HttpServer& server) {
    server_ = &server;
    pulls_.attach(server);
  }
  // After it ran: what is posted from now on is dropped.
  void detach();
  // Runs `call` on the loop's thread.
  void post(std::function<void()> call);

  // Work of an owner begins; fails where there is too much of it. Each ends by end_work.
  Status begin_work(const std::string& owner);
  void end_work(const std::string& owner);

  Models& models() { return models_; }
  Profiles& profiles() { return profiles_; }
  Pulls& pulls() { return pulls_; }
  ResponseStore& responses() { return responses_; }
  const AppOptions& options() const { return options_; }
  http::ServerLoads loads() const { return server_ ? server_->loads() : http::ServerLoads{}; }
  size_t n_working() const { return n_working_; }
  // When the last request came, for --idle-exit.
  Clock::time_point last_request() const { return last_request_; }

  // "chatcmpl-" and 24 random letters; and the calendar. Tests set both.
  std::function<std::string(std::string_view prefix)> make_id;
  std::function<int64_t()> unix_s;
  std::function<std::string()> iso_time;  // UTC with microseconds

 private:
  struct Found {
    Match match;
    std::optional<http::Response> refusal;
    Identity identity;
  };
  Found find(const http::RequestHead& head, const http::Peer& peer);
  std::optional<http::Response> check_key(const http::RequestHead& head, const Route& route,
                                          Identity& identity);
  http::Response preflight(const http::RequestHead& head, const Match& match) const;
  void finish_headers(http::Response& response, const http::RequestHead& head) const;
  void read_body(const std::shared_ptr<Call>& call);
  void run(const std::shared_ptr<Call>& call, Result<Json> body);

  AppOptions options_;
  Models& models_;
  KeyStore keys_;
  Profiles profiles_;
  Pulls pulls_;
  ResponseStore responses_;
  http::HttpServer* server_ = nullptr;
  std::atomic<bool> detached_ = false;
  std::atomic<size_t> n_working_ = 0;  // read by other threads too
  std::unordered_map<std::string, size_t> working_of_;
  Clock::time_point last_request_ = Clock::now();

  class Parser;  // long bodies are read on a thread of their own
  std::unique_ptr<Parser> parser_;

  friend class Call;
};

}  // namespace hearth::server
