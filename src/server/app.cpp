// SPDX-License-Identifier: MIT
#include "server/app.h"

#include <fmt/chrono.h>

#include <condition_variable>
#include <ctime>
#include <deque>
#include <mutex>
#include <random>

#include "base/log.h"
#include "base/quote.h"
#include "text/messages.h"

namespace hearth::server {
namespace {

// Longer bodies are read beside the loop's thread: 32 MiB of JSON take it some tenths of a second.
constexpr size_t kMaxReadAtOnce = 64u << 10;

std::string random_id(std::string_view prefix) {
  constexpr std::string_view kLetters =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  static thread_local std::mt19937_64 random(std::random_device{}());
  std::uniform_int_distribution<size_t> pick(0, kLetters.size() - 1);
  std::string id(prefix);
  for (int i = 0; i < 24; ++i) id += kLetters[pick(random)];
  return id;
}

std::string utc_now() {
  const auto now = std::chrono::system_clock::now();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(now - seconds).count();
  const std::time_t time = std::chrono::system_clock::to_time_t(seconds);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(time), micros);
}

constexpr std::string_view kAllowedHeaders =
    "authorization, content-type, x-api-key, anthropic-version, anthropic-beta";

}  // namespace

// One thread that works off what is given to it, in order.
class App::Parser {
 public:
  Parser() : thread_([this] { run(); }) {}
  ~Parser() {
    {
      const std::lock_guard lock(mutex_);
      ends_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  void give(std::function<void()> work) {
    {
      const std::lock_guard lock(mutex_);
      waiting_.push_back(std::move(work));
    }
    wake_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return ends_ || !waiting_.empty(); });
      if (ends_) return;
      const auto work = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      work();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;  // bounded by the server's connections
  bool ends_ = false;
  std::thread thread_;
};

App::App(AppOptions options, Models& models, KeyStore keys, Profiles profiles)
    : make_id(random_id),
      unix_s([] { return static_cast<int64_t>(std::time(nullptr)); }),
      iso_time(utc_now),
      options_(std::move(options)),
      models_(models),
      keys_(std::move(keys)),
      profiles_(std::move(profiles)),
      pulls_(options_.fetch) {}

App::~App() = default;

void App::detach() {
  detached_ = true;
  parser_.reset();
  pulls_.end();
}

void App::post(std::function<void()> call) {
  if (detached_) return;
  if (server_ != nullptr) {
    server_->post(std::move(call));
  } else {
    call();
  }
}

Status App::begin_work(const std::string& owner) {
  if (n_working_ >= options_.n_jobs)
    return over_limit("the server has {} requests to answer already", n_working_.load());
  size_t& of_owner = working_of_[owner];
  if (of_owner >= options_.n_jobs_per_owner)
    return over_limit("{} requests of yours are being answered already", of_owner);
  ++of_owner;
  ++n_working_;
  return {};
}

void App::end_work(const std::string& owner) {
  --n_working_;
  const auto found = working_of_.find(owner);
  if (found != working_of_.end() && --found->second == 0) working_of_.erase(found);
}

// The gate.

std::optional<http::Response> App::check_key(const http::RequestHead& head, const Route& route,
                                             Identity& identity) {
  identity.inference = options_.open_inference && !options_.security.require_key;
  const ShownKey shown = shown_key(head);
  const auto refuse = [&](int status, std::string message, std::string hint) {
    Error error{ErrorCode::kInvalid, std::move(message), std::move(hint)};
    http::Response response = error_response(route.dialect, status, error);
    if (status == 401) response.set("WWW-Authenticate", "Bearer");
    return response;
  };
  if (shown.conflicting)
    return refuse(401, "Authorization and x-api-key carry different keys", "send one of them");
  const std::optional<Key> key = keys_.match(shown.text);
  if (key) {
    identity.owner = key->id;
    identity.inference = identity.inference || key->inference;
    identity.admin = key->admin;
  }
  if (route.permission == Permission::kOpen) return {};
  const bool may = route.permission == Permission::kInference ? identity.inference : identity.admin;
  if (may) return {};
  if (key) return refuse(403, "this key may not do that", "see hearth key list for its powers");
  const std::string_view flag = route.permission == Permission::kAdmin ? " --admin" : "";
  return refuse(401, "this needs a key of this server",
                fmt::format("make one with: hearth key add NAME{}", flag));
}

http::Response App::preflight(const http::RequestHead& head, const Match& match) const {
  http::Response response{.status = 204};
  std::string methods = match.allow;
  if (match.route != nullptr) methods = std::string(match.route->method) + ", OPTIONS";
  if (!methods.empty()) response.set("Allow", methods);
  if (!allowed_origin(head, options_.security).empty()) {
    response.set("Access-Control-Allow-Methods", methods);
    response.set("Access-Control-Allow-Headers", std::string(kAllowedHeaders));
    response.set("Access-Control-Max-Age", "600");
  }
  return response;
}

App::Found App::find(const http::RequestHead& head, const http::Peer& peer) {
  Found found;
  const Dialect dialect = dialect_of_path(head.path);
  const auto refuse = [&](int status, std::string_view reason, ErrorCode code) {
    found.refusal = error_response(dialect, status, Error{code, std::string(reason), {}});
  };
  if (const auto fault = check_host(head, peer, options_.security)) {
    refuse(fault->status, fault->reason, ErrorCode::kInvalid);
    return found;
  }
  if (const auto fault = check_origin(head, options_.security)) {
    refuse(fault->status, fault->reason, ErrorCode::kInvalid);
    return found;
  }
  found.match = match_route(all_routes(), head.method, head.path);
  if (head.method == "OPTIONS" && (!found.match.allow.empty() || head.path == "*")) {
    found.refusal = preflight(head, found.match);
    return found;
  }
  if (found.match.route != nullptr) {
    const Route& route = *found.match.route;
    found.refusal = check_key(head, route, found.identity);
    if (!found.refusal && !route.refusal.empty()) {
      found.refusal = error_response(
          route.dialect, Error{ErrorCode::kUnsupported, std::string(route.refusal), {}});
    }
    return found;
  }
  if (found.match.allow.empty()) {
    refuse(404, "there is nothing at this path", ErrorCode::kInvalid);
  } else {
    refuse(405, "this path does not take this method", ErrorCode::kInvalid);
    found.refusal->set("Allow", found.match.allow);
  }
  return found;
}

void App::finish_headers(http::Response& response, const http::RequestHead& head) const {
  add_security_headers(response);
  response.set("Server", "hearth");
  const std::string origin = allowed_origin(head, options_.security);
  if (origin.empty()) return;
  response.set("Access-Control-Allow-Origin", origin);
  response.set("Access-Control-Expose-Headers", "x-hearth-warnings");
  response.set("Vary", "Origin");
}

http::Admission App::gate(const http::RequestHead& head, const http::Peer& peer) {
  Found found = find(head, peer);
  http::Admission admission;
  if (found.refusal) {
    finish_headers(*found.refusal, head);
    admission.refusal = std::move(found.refusal);
  } else {
    admission.body_bytes = found.match.route->body_bytes;
  }
  return admission;
}

http::Response App::fault_page(const http::Fault& fault) const {
  const Error error{ErrorCode::kInvalid, std::string(fault.reason), {}};
  http::Response response = error_response(Dialect::kOpenAi, fault.status, error);
  if (fault.status == 503) response.set("Retry-After", "5");
  add_security_headers(response);
  return response;
}

// The handler.

void App::handle(const std::shared_ptr<http::Exchange>& exchange) {
  last_request_ = Clock::now();
  Found found = find(exchange->request.head, exchange->request.peer);
  if (found.refusal) {  // a key was revoked while its request arrived
    finish_headers(*found.refusal, exchange->request.head);
    return exchange->send(std::move(*found.refusal));
  }
  const Route& route = *found.match.route;
  const auto call = std::make_shared<Call>(*this, route, exchange, std::move(found.identity),
                                           std::move(found.match.parameter));
  if (route.body_bytes == 0) return route.handler(call);
  read_body(call);
}

void App::read_body(const std::shared_ptr<Call>& call) {
  std::string body = std::move(call->exchange->request.body);
  if (body.empty()) body = "{}";
  if (body.size() <= kMaxReadAtOnce || server_ == nullptr)
    return run(call, text::parse_exact_json(body));
  if (!parser_) parser_ = std::make_unique<Parser>();
  parser_->give([this, call, body = std::move(body)]() mutable {
    auto json = std::make_shared<Result<Json>>(internal_error("not read"));
    try {
      *json = text::parse_exact_json(body);
    } catch (const std::exception&) {
      *json = no_memory("no memory to read the body");
    }
    body.clear();
    // The exchange belongs to the loop's thread: its last owner must be there.
    post([this, call = std::move(call), json] { run(call, std::move(*json)); });
  });
}

void App::run(const std::shared_ptr<Call>& call, Result<Json> body) {
  if (!body) return call->fail(within("the body", body.error()));
  auto fields = RequestFields::read(call->route.fields(), std::move(*body));
  if (!fields) return call->fail(fields.error());
  call->fields = std::move(*fields);
  call->route.handler(call);
}

void Call::add_headers(http::Response& response) const {
  app.finish_headers(response, exchange->request.head);
  if (fields.warnings.empty()) return;
  std::string all;
  constexpr size_t kMaxHeader = 4000;  // clients bound headers too
  for (const std::string& warning : fields.warnings) {
    if (all.size() + warning.size() > kMaxHeader) break;
    all += (all.empty() ? "" : "; ") + warning;
  }
  for (char& c : all) {
    if (c < 0x20 || c >= 0x7f) c = '?';
  }
  response.set("x-hearth-warnings", std::move(all));
}

void Call::send(http::Response response) {
  add_headers(response);
  exchange->send(std::move(response));
}

void Call::start_stream() {
  http::Response head;
  head.set("Content-Type",
           route.streaming == Streaming::kSse ? "text/event-stream" : "application/x-ndjson");
  add_headers(head);
  exchange->start(std::move(head));
}

}  // namespace hearth::server
