// SPDX-License-Identifier: MIT
// Models that are being fetched (hub/fetch.h) for clients. Who asks for a model that is on its way
// joins the fetch that runs; a fetch that nobody waits for any more is stopped. At most one for
// each model of the catalogue. Thread rule: the HTTP loop's thread, but for end().
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "hub/fetch.h"
#include "server/http/http_server.h"

namespace hearth::server {

// What one client hears. Never called from within join() or leave().
struct PullListener {
  std::function<void(const hub::FetchStep&)> on_step;
  std::function<void(const Status&)> on_end;  // once, last: the store has the model, or why not
};

class Pulls {
 public:
  explicit Pulls(hub::FetchSettings settings) : settings_(std::move(settings)) {}
  ~Pulls();

  // The loop that they live in; outlives them, or end() comes first.
  void attach(http::HttpServer& server) { server_ = &server; }

  const hub::Catalogue& catalogue() const { return *settings_.catalogue; }

  // Fetches a model of the catalogue. The number is for leave(). Errors: it cannot be begun.
  Result<uint64_t> join(const std::string& model, PullListener listener);
  // The client is gone and hears nothing more. Unknown numbers are none.
  void leave(uint64_t id);
  // Ends them all at once; nobody hears of it. Nothing is begun afterwards.
  void end();

 private:
  struct Pull;
  Result<std::shared_ptr<Pull>> begin(const std::string& model);
  void advance(const std::shared_ptr<Pull>& pull);
  void stop(const std::shared_ptr<Pull>& pull);
  void forget(const std::shared_ptr<Pull>& pull);

  hub::FetchSettings settings_;
  http::HttpServer* server_ = nullptr;
  uint64_t last_id_ = 0;
  std::map<std::string, std::shared_ptr<Pull>> running_;  // by model
  std::vector<std::shared_ptr<Pull>> stopping_;           // that nobody waits for
};

}  // namespace hearth::server
