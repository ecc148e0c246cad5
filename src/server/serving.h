// SPDX-License-Identifier: MIT
// A server that listens: addresses, who may ask from where, and the loop. In: options, the models.
// Out: a running server until a signal, stop(), or nothing to do for idle_exit.
// RELIABILITY D1, D4: without a key it listens on this machine's own addresses only.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "server/app.h"

namespace hearth::server {

inline constexpr uint16_t kDefaultPort = 4327;

struct ServingOptions {
  // "localhost": 127.0.0.1 and, where the machine has it, ::1. Else one numeric address.
  std::string host = "localhost";
  uint16_t port = kDefaultPort;
  std::vector<uint16_t> also;  // further ports, where they are free
  int64_t idle_exit_s = 0;     // ends after so long without a request; 0: never
  std::string api_key;         // one more key, of this run alone; with it every request needs one
  AppOptions app;
  http::ServerOptions http;
};

class Serving {
 public:
  // Errors: an address that is taken or is nobody's, one that others reach while there is no key.
  static Result<std::unique_ptr<Serving>> open(ServingOptions options, Models& models,
                                               KeyStore keys, Profiles profiles);
  ~Serving();

  const std::vector<http::BoundAddress>& bound() const { return server_->bound(); }
  // What did not go as asked, for people: ports that are taken.
  const std::vector<std::string>& notes() const { return notes_; }

  // Serves until the end. Then nothing is called back any more.
  void run();
  void stop() { server_->stop(); }  // any thread

 private:
  Serving(ServingOptions options, Models& models, KeyStore keys, Profiles profiles);
  Status listen();
  Status listen_on(uint16_t port);
  void exit_when_idle();

  ServingOptions options_;
  std::unique_ptr<App> app_;
  std::unique_ptr<http::HttpServer> server_;
  std::vector<std::string> notes_;
};

// Whether only this machine reaches the address: "localhost", 127.0.0.0/8, ::1.
bool is_loopback_host(std::string_view host);

}  // namespace hearth::server
