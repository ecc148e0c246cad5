// SPDX-License-Identifier: MIT
#include "server/serving.h"

#include "base/log.h"
#include "os/open_files.h"

namespace hearth::server {

bool is_loopback_host(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

Serving::Serving(ServingOptions options, Models& models, KeyStore keys, Profiles profiles)
    : options_(std::move(options)) {
  AppOptions& app = options_.app;
  if (!options_.api_key.empty()) {
    keys.allow(options_.api_key);
    app.security.require_key = true;
  }
  app.open_inference = is_loopback_host(options_.host) && app.security.host_names.empty();
  app_ = std::make_unique<App>(app, models, std::move(keys), std::move(profiles));
  // Two files a connection would be one too many: the rest is for models and the log.
  const size_t n_files = os::raise_open_files(options_.http.n_connections + 256);
  options_.http.n_connections = std::min(options_.http.n_connections, n_files - n_files / 8);
  server_ = std::make_unique<http::HttpServer>(
      options_.http,
      [this](const http::RequestHead& head, const http::Peer& peer) {
        return app_->gate(head, peer);
      },
      [this](std::shared_ptr<http::Exchange> exchange) { app_->handle(exchange); },
      [this](const http::Fault& fault) { return app_->fault_page(fault); });
  app_->attach(*server_);
}

// The server's connections end while the app that they call still lives.
Serving::~Serving() { server_.reset(); }

Result<std::unique_ptr<Serving>> Serving::open(ServingOptions options, Models& models,
                                               KeyStore keys, Profiles profiles) {
  if (!is_loopback_host(options.host) && options.api_key.empty() && !keys.any()) {
    return with_hint(
        invalid("{} can be reached by others, and this server has no key yet", options.host),
        "make one with: hearth key add NAME");
  }
  std::unique_ptr<Serving> serving(
      new Serving(std::move(options), models, std::move(keys), std::move(profiles)));
  TRY(serving->listen());
  return serving;
}

Status Serving::listen_on(uint16_t port) {
  if (options_.host != "localhost") {
    TRY(server_->listen(options_.host, port));
    return {};
  }
  TRY_LET(const http::BoundAddress first, server_->listen("127.0.0.1", port));
  // A machine without IPv6 is served all the same.
  if (const auto second = server_->listen("::1", first.port); !second)
    log_info("serve: {}", second.error().message);
  return {};
}

Status Serving::listen() {
  if (const Status first = listen_on(options_.port); !first) {
    return with_hint(Failure(first.error()),
                     "is a server running already? see hearth ps, or take another --port");
  }
  for (const uint16_t port : options_.also) {
    if (port == options_.port) continue;
    if (const Status more = listen_on(port); !more)
      notes_.push_back(fmt::format("not on port {}: it is taken", port));
  }
  return {};
}

void Serving::exit_when_idle() {
  const auto limit = std::chrono::seconds(options_.idle_exit_s);
  const auto idle = Clock::now() - app_->last_request();
  const bool busy = app_->n_working() > 0;
  if (!busy && idle >= limit) {
    log_info("serve: nobody asked for {} s", options_.idle_exit_s);
    return server_->stop();
  }
  const auto left = busy ? limit : limit - std::chrono::floor<std::chrono::seconds>(idle);
  server_->after(std::chrono::milliseconds(left) + std::chrono::milliseconds(10),
                 [this] { exit_when_idle(); });
}

void Serving::run() {
  server_->stop_on_signals();
  if (options_.idle_exit_s > 0) exit_when_idle();
  server_->run();
  app_->detach();
}

}  // namespace hearth::server
