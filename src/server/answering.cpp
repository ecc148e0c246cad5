// SPDX-License-Identifier: MIT
#include "server/answering.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/log.h"

namespace hearth::server {
namespace {

using engine::Event;
using engine::EventKind;

class Answering : public std::enable_shared_from_this<Answering> {
 public:
  Answering(std::shared_ptr<Call> call, bool stream, std::unique_ptr<Writer> writer)
      : call_(std::move(call)), writer_(std::move(writer)), stream_(stream) {}

  void begin(Work work) {
    if (const Status room = call_->app.begin_work(call_->identity.owner); !room)
      return call_->fail(room.error(), kRetryBusy);
    working_ = true;
    n_answers_ = work.jobs.front().n;
    n_jobs_ = work.jobs.size();
    watch_client();
    for (size_t i = 0; i < n_jobs_ && !over_; ++i) {
      engine::Job& job = work.jobs[i];
      job.owner = call_->identity.owner;
      const uint64_t id =
          call_->app.models().submit(work.target.model, work.target.wish, std::move(job),
                                     [self = shared_from_this(), i](Event event) {
                                       auto& app = self->call_->app;
                                       app.post([self, i, event = std::move(event)]() mutable {
                                         self->hear(i, std::move(event));
                                       });
                                     });
      ids_.push_back(id);
      if (over_) call_->app.models().cancel(id);
    }
  }

 private:
  void watch_client() {
    http::Exchange& exchange = *call_->exchange;
    exchange.when_gone([self = shared_from_this()] { self->end(); });
    exchange.when_full([self = shared_from_this()](bool full) {
      for (const uint64_t id : self->ids_) self->call_->app.models().hold(id, full);
    });
    exchange.when_stopping([self = shared_from_this()] {
      self->fail({ErrorCode::kInterrupted, "the server stops", "ask again soon"}, kRetryBusy);
    });
  }

  // Libraries may throw, for memory or a value of an unexpected type; the request ends with it.
  void hear(size_t i_job, Event event) {
    try {
      on_event(i_job, std::move(event));
    } catch (const std::exception& caught) {
      log_error("a request failed: {}", caught.what());
      fail({ErrorCode::kInternal, "an error of hearth; see its log", {}}, 0);
    }
  }

  void on_event(size_t i_job, Event event) {
    if (over_) return;
    event.i_answer += static_cast<int>(i_job) * n_answers_;
    name_calls(event);
    switch (event.kind) {
      case EventKind::kStarted:
        return on_started(std::move(event));
      case EventKind::kError:
        return fail(event.error, event.retry_after_s);
      case EventKind::kDone:
        return on_done(std::move(event));
      case EventKind::kDelta:
      case EventKind::kFinished:
      case EventKind::kResult:
        break;
    }
    if (!stream_) return collected_.add(event, i_job);
    begin_stream();
    call_->exchange->write(writer_->stream(event));
  }

  void on_started(Event event) {
    warn(event.warnings);
    if (!stream_) return;
    begin_stream();
    call_->exchange->write(writer_->stream(event));
  }

  void on_done(Event event) {
    add_usage(collected_.usage, event.usage);
    warn(event.warnings);
    if (++n_done_ < n_jobs_) return;
    collected_.warnings = call_->fields.warnings;
    if (stream_) {
      begin_stream();
      event.i_answer = 0;
      event.usage = collected_.usage;
      event.warnings = collected_.warnings;
      call_->exchange->write(writer_->stream(event));
      call_->exchange->finish();
    } else {
      call_->send(writer_->whole(collected_));
    }
    end();
  }

  void begin_stream() {
    if (!call_->exchange->started()) call_->start_stream();
  }

  void fail(const Error& error, int64_t retry_after_s) {
    if (over_) return;
    if (call_->exchange->started()) {
      call_->exchange->write(writer_->stream_failure(error));
      call_->exchange->finish();
    } else {
      call_->fail(error, retry_after_s);
    }
    end();
  }

  // Ends what still runs; unknown ids are none of Models' concern.
  void end() {
    if (std::exchange(over_, true)) return;
    if (n_done_ < n_jobs_) {
      for (const uint64_t id : ids_) call_->app.models().cancel(id);
    }
    if (working_) call_->app.end_work(call_->identity.owner);
  }

  void warn(const std::vector<std::string>& warnings) {
    for (const std::string& warning : warnings) {
      auto& all = call_->fields.warnings;
      if (std::find(all.begin(), all.end(), warning) == all.end()) all.push_back(warning);
    }
  }

  // Engines need not know what the ids of calls look like.
  void name_calls(Event& event) const {
    for (engine::ToolCallDelta& delta : event.tool_calls) {
      if (!delta.name.empty() && delta.id.empty())
        delta.id = call_->app.make_id(writer_->call_prefix());
    }
  }

  std::shared_ptr<Call> call_;
  std::unique_ptr<Writer> writer_;
  bool stream_;
  bool working_ = false;
  bool over_ = false;
  int n_answers_ = 1;
  size_t n_jobs_ = 0, n_done_ = 0;
  std::vector<uint64_t> ids_;
  Collected collected_;
};

}  // namespace

void start_work(const std::shared_ptr<Call>& call, Work work, std::unique_ptr<Writer> writer) {
  CHECK(!work.jobs.empty());
  const bool stream = work.stream;
  std::make_shared<Answering>(call, stream, std::move(writer))->begin(std::move(work));
}

}  // namespace hearth::server
