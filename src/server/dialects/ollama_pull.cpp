// SPDX-License-Identifier: MIT
#include "server/dialects/ollama_pull.h"

#include <string>
#include <utility>

#include "hub/catalogue.h"
#include "server/dialects/ollama_fields.h"
#include "server/dialects/request_parts.h"

namespace hearth::server {
namespace {

using hub::FetchStage;
using hub::FetchStep;

constexpr size_t kShortDigest = 12;

Json state(std::string_view text) { return {{"status", text}}; }

// The states that stand between the first and the last, of which one follows after another.
Json line_of(const hub::CatalogueModel& model, const FetchStep& step) {
  const std::string& sha256 = model.files.front().sha256;
  switch (step.stage) {
    case FetchStage::kWaiting:
      return state("waiting for " + step.name);
    case FetchStage::kDownloading:
      return {{"status", "pulling " + sha256.substr(0, kShortDigest)},
              {"digest", "sha256:" + sha256},
              {"total", step.total_bytes},
              {"completed", step.done_bytes}};
    case FetchStage::kChecking:
    case FetchStage::kUnpacking:
      return state("verifying sha256 digest");
    case FetchStage::kWriting:
      break;
  }
  return state("writing manifest");
}

// One client that waits for a model.
class PullAnswer : public std::enable_shared_from_this<PullAnswer> {
 public:
  PullAnswer(std::shared_ptr<Call> call, const hub::CatalogueModel& model)
      : call_(std::move(call)), model_(model), stream_(call_->fields.flag("stream", true)) {}

  void begin() {
    App& app = call_->app;
    if (const Status room = app.begin_work(call_->identity.owner); !room)
      return call_->fail(room.error(), kRetryBusy);
    const auto joined = app.pulls().join(
        model_.name, {[self = shared_from_this()](const FetchStep& step) { self->tell(step); },
                      [self = shared_from_this()](const Status& result) { self->finish(result); }});
    if (!joined) return finish(Failure(joined.error()));
    id_ = *joined;
    http::Exchange& exchange = *call_->exchange;
    exchange.when_gone([self = shared_from_this()] { self->end(); });
    exchange.when_full([self = shared_from_this()](bool full) { self->full_ = full; });
    exchange.when_stopping([self = shared_from_this()] {
      self->finish(with_hint(interrupted("the server stops"), "ask again soon"));
    });
    if (!stream_) return;
    call_->start_stream();
    write(state("pulling manifest"));
  }

 private:
  void tell(const FetchStep& step) {
    if (!stream_ || over_ || full_) return;  // a client that reads slowly misses some
    Json line = line_of(model_, step);
    if (line == last_) return;
    write(line);
    last_ = std::move(line);
  }

  void finish(const Status& result) {
    if (over_) return;
    http::Exchange& exchange = *call_->exchange;
    if (!exchange.started()) {
      if (result) {
        call_->send(state("success"));
      } else {
        call_->fail(result.error());
      }
    } else {
      const Json failure = result ? Json() : error_json(call_->route.dialect, 0, result.error());
      write(result ? state("success") : failure);
      exchange.finish();
    }
    end();
  }

  void end() {
    if (std::exchange(over_, true)) return;
    call_->app.pulls().leave(id_);
    call_->app.end_work(call_->identity.owner);
  }

  void write(const Json& line) { call_->exchange->write(ndjson_line(line)); }

  std::shared_ptr<Call> call_;
  const hub::CatalogueModel& model_;
  bool stream_;
  bool full_ = false, over_ = false;
  uint64_t id_ = 0;
  Json last_;
};

// It is here already.
void succeed(const std::shared_ptr<Call>& call) {
  if (!call->fields.flag("stream", true)) return call->send(state("success"));
  call->start_stream();
  call->exchange->write(ndjson_line(state("pulling manifest")));
  call->exchange->write(ndjson_line(state("success")));
  call->exchange->finish();
}

}  // namespace

void answer_ollama_pull(const std::shared_ptr<Call>& call) {
  const std::string name = ollama_name(call->fields);
  if (name.empty()) return call->fail(bad_field("model", "a name is wanted").value());
  if (call->fields.flag("insecure", false)) {
    call->fields.warnings.emplace_back(
        "field 'insecure' has no effect: every byte is held against a checksum");
  }
  if (call->app.profiles().find(name) || call->app.models().find(name)) return succeed(call);
  const auto model = call->app.pulls().catalogue().resolve(name);
  if (!model) return call->fail(model.error());
  std::make_shared<PullAnswer>(call, **model)->begin();
}

}  // namespace hearth::server
