// SPDX-License-Identifier: MIT
#include "server/pulls.h"

#include <algorithm>

#include "base/log.h"

namespace hearth::server {
namespace {

// After which a fetch that was asked to stop is killed: its pips take some tenths of a second.
constexpr std::chrono::milliseconds kGoodbye{2'000};

}  // namespace

struct Pulls::Pull {
  Pull(std::string of, hub::Fetch started) : model(std::move(of)), fetch(std::move(started)) {}

  std::string model;
  hub::Fetch fetch;
  std::map<uint64_t, PullListener> listeners;
  std::unique_ptr<http::HttpServer::Watch> watch;  // ends before the descriptor
};

Pulls::~Pulls() = default;

Result<std::shared_ptr<Pulls::Pull>> Pulls::begin(const std::string& model) {
  if (server_ == nullptr) return internal_error("nothing is fetched without a running server");
  TRY_LET(hub::Fetch fetch, hub::Fetch::start(settings_, model));
  auto pull = std::make_shared<Pull>(model, std::move(fetch));
  pull->watch = server_->watch(pull->fetch.descriptor(), [this, weak = std::weak_ptr<Pull>(pull)] {
    if (const auto alive = weak.lock()) advance(alive);
  });
  log_info("pull: {} is being fetched", model);
  return pull;
}

Result<uint64_t> Pulls::join(const std::string& model, PullListener listener) {
  auto found = running_.find(model);
  if (found == running_.end()) {
    TRY_LET(std::shared_ptr<Pull> pull, begin(model));
    found = running_.emplace(model, std::move(pull)).first;
  }
  found->second->listeners.emplace(++last_id_, std::move(listener));
  return last_id_;
}

// A listener may have others leave while it is told.
void Pulls::advance(const std::shared_ptr<Pull>& pull) {
  const std::vector<hub::FetchStep> steps = pull->fetch.advance();
  std::vector<uint64_t> ids;
  for (const auto& [id, listener] : pull->listeners) ids.push_back(id);
  for (const hub::FetchStep& step : steps) {
    for (const uint64_t id : ids) {
      const auto listener = pull->listeners.find(id);
      if (listener != pull->listeners.end()) PullListener(listener->second).on_step(step);
    }
  }
  if (!pull->fetch.over()) return;
  forget(pull);
  const Status& result = pull->fetch.result();
  log_info("pull: {}: {}", pull->model, result ? "is in the store" : result.error().message);
  for (const uint64_t id : ids) {
    if (const auto node = pull->listeners.extract(id)) node.mapped().on_end(result);
  }
}

void Pulls::leave(uint64_t id) {
  for (const auto& [model, pull] : running_) {
    if (pull->listeners.erase(id) == 0) continue;
    if (pull->listeners.empty()) stop(std::shared_ptr<Pull>(pull));
    return;
  }
}

void Pulls::stop(const std::shared_ptr<Pull>& pull) {
  running_.erase(pull->model);
  stopping_.push_back(pull);
  pull->fetch.stop();
  server_->after(kGoodbye, [weak = std::weak_ptr<Pull>(pull)] {
    if (const auto alive = weak.lock()) alive->fetch.kill();
  });
}

void Pulls::forget(const std::shared_ptr<Pull>& pull) {
  pull->watch.reset();
  const auto found = running_.find(pull->model);
  if (found != running_.end() && found->second == pull) running_.erase(found);
  std::erase(stopping_, pull);
}

void Pulls::end() {
  running_.clear();
  stopping_.clear();
  server_ = nullptr;
}

}  // namespace hearth::server
