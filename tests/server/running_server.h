// SPDX-License-Identifier: MIT
// A whole server on a free port of this machine, with FakeModels behind it.
#pragma once
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "server/app.h"
#include "tests/server/fake_models.h"
#include "tests/server/raw_client.h"
#include "tests/support/temp_folder.h"

namespace hearth::server {

class RunningServer {
 public:
  // Patient with clients that a busy machine lets wait.
  static http::ServerOptions patient() {
    http::ServerOptions options;
    options.head_time = options.body_time = std::chrono::seconds(60);
    return options;
  }

  explicit RunningServer(http::ServerOptions http_options = patient(), AppOptions options = {})
      : keys(folder.path()),
        app(std::move(options), models, KeyStore(folder.path()), Profiles(folder.path())) {
    app.make_id = [](std::string_view prefix) { return std::string(prefix) + "1"; };
    app.unix_s = [] { return int64_t{1'700'000'000}; };
    server = std::make_unique<http::HttpServer>(
        std::move(http_options),
        [this](const auto& head, const auto& peer) { return app.gate(head, peer); },
        [this](auto exchange) { app.handle(exchange); },
        [this](const http::Fault& fault) { return app.fault_page(fault); });
    app.attach(*server);
    port = server->listen("127.0.0.1", 0)->port;
    thread_ = std::thread([this] { server->run(); });
  }

  ~RunningServer() { stop(); }

  // Gives every stream its grace.
  void begin_stop() { server->stop(); }
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  void stop() {
    if (!thread_.joinable()) return;
    server->stop();
    server->stop();
    join();
    app.detach();
  }

  std::string host() const { return "Host: 127.0.0.1:" + std::to_string(port) + "\r\n"; }

  // A request with a JSON body, or without one.
  std::string request(std::string_view method, std::string_view path, std::string_view body = {},
                      std::string_view more_headers = {}) const {
    std::string text = std::string(method) + " " + std::string(path) + " HTTP/1.1\r\n" + host() +
                       std::string(more_headers);
    if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
    return text + "\r\n" + std::string(body);
  }
  // The whole answer to one, on a connection of its own.
  std::string ask(std::string_view method, std::string_view path, std::string_view body = {},
                  std::string_view more_headers = {}) const {
    http::RawClient client(port);
    client.send(request(method, path, body, std::string(more_headers) + "Connection: close\r\n"));
    return client.read_all();
  }

  test::TempFolder folder;
  FakeModels models;
  KeyStore keys;
  App app;
  std::unique_ptr<http::HttpServer> server;
  uint16_t port = 0;

 private:
  std::thread thread_;
};

// Waits until it is so; false when it takes too long.
template <class Condition>
bool soon(Condition condition, int timeout_ms = http::kPatienceMs) {
  for (int i = 0; i < timeout_ms; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return condition();
}

}  // namespace hearth::server
