// SPDX-License-Identifier: MIT
#include "server/model_slot.h"

#include <algorithm>
#include <ctime>
#include <utility>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "os/memory.h"

namespace hearth::server {
namespace {

constexpr int64_t kRetrySoon = 1;  // seconds
constexpr int kMaxDoublings = 6;   // of the pause before a start: a minute at most

bool is_last(const engine::Event& event) {
  return event.kind == engine::EventKind::kDone || event.kind == engine::EventKind::kError;
}

engine::Event error_event(uint64_t id, Error error, int64_t retry_after_s) {
  engine::Event event;
  event.id = id;
  event.kind = engine::EventKind::kError;
  event.error = std::move(error);
  event.retry_after_s = retry_after_s;
  return event;
}

}  // namespace

ModelSlot::ModelSlot(boost::asio::io_context& io, const ModelHostOptions& options, SlotOwner& owner,
                     hub::ResolvedModel model, uint64_t file_bytes)
    : io_(io),
      options_(options),
      owner_(owner),
      model_(std::move(model)),
      file_bytes_(file_bytes),
      keep_alive_s_(options.keep_alive_s),
      expiry_(io),
      back_off_(io) {}

void ModelSlot::submit(uint64_t id, HostedJob job) {
  const auto refuse = [&](Error error, int64_t retry_after_s) {
    job.sink(error_event(id, std::move(error), retry_after_s));
    owner_.job_over(id, error_event(id, {}, 0));
  };
  if (off_) return refuse(*off_, 0);
  if (jobs_.size() >= options_.max_jobs) {
    return refuse({ErrorCode::kLimit,
                   fmt::format("{}: {} requests are under way already", name(), jobs_.size()),
                   "ask again later"},
                  kRetryBusy);
  }
  keep(job.wish);
  jobs_.emplace(id, std::move(job));
  if (state_ == State::kReady) send_waiting();
  if (state_ == State::kAbsent) wake();
  owner_.changed();
}

void ModelSlot::refresh(uint64_t file_bytes) {
  if (process_ != nullptr || file_bytes == file_bytes_) return;
  file_bytes_ = file_bytes;
  off_.reset();
  n_deaths_ = 0;
}

void ModelSlot::load(const LoadWish& wish, LoadSink done) {
  off_.reset();
  n_deaths_ = 0;
  not_before_ = {};
  keep(wish);
  if (wants_longer_context(wish)) {
    n_ctx_ = static_cast<int>(wish.n_ctx);
    leave("for a longer context");
  }
  if (state_ == State::kReady) {
    done({});
    return after_use();
  }
  if (wish.n_ctx > n_ctx_) n_ctx_ = static_cast<int>(wish.n_ctx);
  loaders_.push_back(std::move(done));
  if (pausing_) back_off_.cancel();  // which goes on at once
  if (state_ == State::kAbsent) wake();
}

void ModelSlot::cancel(uint64_t id) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || found->second.cancelled) return;
  if (found->second.sent) {
    // Its place in the engine is free when the engine says so.
    found->second.cancelled = true;
    found->second.sink = {};
    if (process_) (void)process_->send(engine::Cancel{id});
    return;
  }
  jobs_.erase(found);
  owner_.job_over(id, error_event(id, {ErrorCode::kInterrupted, "", ""}, 0));
  after_use();
}

void ModelSlot::hold(uint64_t id, bool held) {
  const auto found = jobs_.find(id);
  if (found == jobs_.end() || !found->second.sent || !process_) return;
  (void)process_->send(engine::Park{id, held});
}

void ModelSlot::leave(std::string_view why, bool now) {
  if (process_ == nullptr || (state_ == State::kLeaving && !now)) return;
  log_info("{} is put out {}", name(), why);
  const bool was_loading = state_ == State::kLoading;
  enter(State::kLeaving);
  expiry_.cancel();
  if (was_loading) {
    owner_.load_over(*this);
    stop_waiting({ErrorCode::kInterrupted, name() + ": unloaded while it was loading", ""});
  }
  if (now || was_loading) {
    process_->end_now();
  } else {
    after_use();
  }
}

void ModelSlot::close(const Error& why) {
  closed_ = true;
  back_off_.cancel();
  if (state_ == State::kWaiting) enter(State::kAbsent);
  stop_waiting(why);
  leave("as the server stops", true);
}

void ModelSlot::stop_waiting(const Error& why) {
  tell_loaders(Failure(why));
  fail_jobs(why, kRetrySoon, false);
}

// Not before the pause after a death is over.
void ModelSlot::wake() {
  CHECK(state_ == State::kAbsent);
  enter(State::kWaiting);
  if (Clock::now() >= not_before_) return owner_.want_to_load(*this);
  pausing_ = true;
  back_off_.expires_at(not_before_);
  back_off_.async_wait([this](boost::system::error_code) {
    pausing_ = false;
    if (state_ == State::kWaiting) owner_.want_to_load(*this);
  });
}

void ModelSlot::start(uint64_t memory_bytes) {
  CHECK(state_ == State::kWaiting);
  if (jobs_.empty() && loaders_.empty()) {  // whoever wanted it has left
    enter(State::kAbsent);
    return owner_.load_over(*this);
  }
  engine::Load load = options_.load;
  load.name = model_.name;
  load.file = std::filesystem::absolute(model_.file).string();
  load.memory_bytes = memory_bytes;
  if (n_ctx_ > 0) load.n_ctx = n_ctx_;
  memory_bytes_ = memory_bytes;
  refused_.reset();
  if (n_deaths_ > 0) owner_.restarted();
  auto started = EngineProcess::start(io_, options_.program, options_.patience, load, listener());
  if (!started) {
    fail_waiting(started.error(), kRetrySoon);
    return owner_.load_over(*this);
  }
  process_ = std::move(*started);
  enter(State::kLoading);
}

EngineListener ModelSlot::listener() {
  return {.on_loaded = [this](engine::Loaded loaded) { on_loaded(std::move(loaded)); },
          .on_refused = [this](engine::Refused refused) { refused_ = std::move(refused); },
          .on_event = [this](engine::Event event) { on_event(std::move(event)); },
          .on_stats = [this](engine::Stats stats) { on_stats(std::move(stats)); },
          .on_end = [this](Error why) { on_end(std::move(why)); }};
}

void ModelSlot::on_loaded(engine::Loaded loaded) {
  if (state_ != State::kLoading) return;  // it is leaving already
  facts_ = std::move(loaded);
  log_info("{} is loaded: {}, context {}, {} of cache, {}", name(), facts_.backend, facts_.n_ctx,
           format_bytes(facts_.kv_bytes), format_ms(facts_.load_ms));
  for (const std::string& line : facts_.warnings) log_info("{}: {}", name(), line);
  for (const std::string& line : facts_.sandbox.missing) log_warn("sandbox: {}", line);
  enter(State::kReady);
  owner_.load_over(*this);
  tell_loaders({});
  send_waiting();
  after_use();
}

void ModelSlot::on_event(engine::Event event) {
  const auto found = jobs_.find(event.id);
  if (found == jobs_.end() || !found->second.sent) return;
  if (event.kind == engine::EventKind::kFinished || event.kind == engine::EventKind::kDone) {
    n_deaths_ = 0;
  }
  if (event.kind == engine::EventKind::kStarted || event.kind == engine::EventKind::kDone) {
    event.usage.load_ms = found->second.waited_ms;
  }
  if (is_last(event)) return finish(event.id, std::move(event));
  if (found->second.sink) found->second.sink(std::move(event));
}

void ModelSlot::stats(StatsSink done) {
  if (state_ != State::kReady || !process_->send(engine::StatsRequest{})) return done(nullptr);
  asked_stats_.push_back(std::move(done));
}

void ModelSlot::on_stats(engine::Stats stats) {
  if (asked_stats_.empty()) return;
  const StatsSink done = std::move(asked_stats_.front());
  asked_stats_.pop_front();
  done({{"model", name()}, {"n_steps", stats.n_steps}, {"jobs", std::move(stats.jobs)}});
}

void ModelSlot::on_end(Error why) {
  const std::unique_ptr<EngineProcess> ended = std::move(process_);
  const State before = state_;
  const bool asked = why.code == ErrorCode::kInterrupted;
  enter(State::kAbsent);
  expiry_.cancel();
  for (const StatsSink& done : std::exchange(asked_stats_, {})) done(nullptr);
  if (before == State::kLoading) owner_.load_over(*this);
  if (before == State::kLoading && refused_) {
    const engine::Refused refused = *std::exchange(refused_, std::nullopt);
    n_ctx_ = refused.error.code == ErrorCode::kNoMemory ? n_ctx_ : 0;
    enter(State::kWaiting);
    owner_.process_gone(*this);
    if (refused.error.code == ErrorCode::kNoMemory) return owner_.needs_room(*this, refused);
    return fail_waiting(refused.error, 0);
  }
  if (asked) {
    fail_jobs(why, kRetrySoon, true);
  } else {
    died(why, before == State::kLoading);
  }
  if (!closed_ && (!jobs_.empty() || !loaders_.empty())) wake();
  owner_.process_gone(*this);
}

void ModelSlot::died(const Error& why, bool while_loading) {
  ++n_deaths_;
  log_error("{} ({} in a row)", why.message, n_deaths_);
  const int doublings = std::min(n_deaths_ - 1, kMaxDoublings);
  not_before_ = Clock::now() + options_.back_off * (int64_t{1} << doublings);
  // Those that wait for another start, though not in vain, are told where there will be none.
  if (n_deaths_ >= options_.max_deaths) {
    off_ = Error{why.code,
                 fmt::format("{} is off: its engine process died {} times without an answer; {}",
                             name(), n_deaths_, why.message),
                 fmt::format("hearth load {} tries again", name())};
  }
  if (while_loading || off_) {
    fail_jobs(off_ ? *off_ : why, off_ ? 0 : kRetrySoon, false);
    tell_loaders(Failure(off_ ? *off_ : why));
  } else {
    fail_jobs(why, kRetrySoon, true);
  }
}

void ModelSlot::fail_waiting(const Error& error, int64_t retry_after_s) {
  n_ctx_ = 0;
  enter(State::kAbsent);
  log_warn("{} is not loaded: {}", name(), error.message);
  tell_loaders(Failure(error));
  fail_jobs(error, retry_after_s, false);
}

void ModelSlot::fail_jobs(const Error& error, int64_t retry_after_s, bool only_sent) {
  std::vector<uint64_t> ids;
  for (const auto& [id, hosted] : jobs_) {
    if (hosted.sent || !only_sent) ids.push_back(id);
  }
  for (const uint64_t id : ids) finish(id, error_event(id, error, retry_after_s));
}

void ModelSlot::finish(uint64_t id, engine::Event last) {
  auto node = jobs_.extract(id);
  if (node.empty()) return;
  owner_.job_over(id, last);
  after_use();  // first: whoever hears the last event may look at what is loaded
  if (node.mapped().sink) node.mapped().sink(std::move(last));
}

void ModelSlot::tell_loaders(const Status& status) {
  for (const LoadSink& done : std::exchange(loaders_, {})) done(status);
}

// Sends what waits, as long as the model is as those who wait want it. Where the process has begun
// to end they wait for the next one: what they ask for is no reason of its end.
void ModelSlot::send_waiting() {
  std::vector<uint64_t> ids;
  for (const auto& [id, hosted] : jobs_) {
    if (!hosted.sent) ids.push_back(id);
  }
  for (const uint64_t id : ids) {
    const auto found = jobs_.find(id);
    if (state_ != State::kReady || found == jobs_.end()) continue;
    if (!process_->takes_messages()) return;
    HostedJob& hosted = found->second;
    if (wants_longer_context(hosted.wish)) {
      n_ctx_ = static_cast<int>(hosted.wish.n_ctx);
      leave("for a longer context");
      continue;
    }
    hosted.job.id = id;
    hosted.waited_ms = hosted.since.elapsed_ms();
    if (hosted.job.deadline_ms > 0) {  // which began with the job's arrival here
      const auto waited_ms = static_cast<int64_t>(hosted.waited_ms);
      hosted.job.deadline_ms = std::max<int64_t>(1, hosted.job.deadline_ms - waited_ms);
    }
    if (const Status sent = process_->send(std::exchange(hosted.job, {})); !sent) {
      finish(id, error_event(id, sent.error(), 0));
      continue;
    }
    hosted.sent = true;
    process_->expect_work(true);
    expiry_.cancel();
  }
}

// What follows when a job ended or the model has just been loaded.
void ModelSlot::after_use() {
  last_used_ = Clock::now();
  settle();
  owner_.changed();
}

void ModelSlot::settle() {
  const bool computing =
      std::any_of(jobs_.begin(), jobs_.end(), [](const auto& job) { return job.second.sent; });
  if (process_ == nullptr || computing || state_ == State::kLoading) return;
  process_->expect_work(false);
  if (state_ == State::kLeaving) return process_->stop();
  if (state_ != State::kReady || !jobs_.empty()) return;
  expires_unix_s_ = keep_alive_s_ < 0 ? -1 : std::time(nullptr) + keep_alive_s_;
  if (keep_alive_s_ < 0) return;
  if (keep_alive_s_ == 0) return leave("after its use");
  expiry_.expires_after(std::chrono::seconds(keep_alive_s_));
  expiry_.async_wait([this](boost::system::error_code failed) {
    if (!failed && is_idle()) leave("as nobody has used it");
  });
}

void ModelSlot::keep(const LoadWish& wish) {
  constexpr int64_t kLongest = int64_t{10} * 365 * 24 * 3600;  // what a clock can add up
  keep_alive_s_ = std::min(wish.keep_alive_s.value_or(options_.keep_alive_s), kLongest);
}

bool ModelSlot::wants_longer_context(const LoadWish& wish) const {
  return state_ == State::kReady && wish.n_ctx > std::max(facts_.n_ctx, n_ctx_) &&
         wish.n_ctx <= kMaxContext;
}

void ModelSlot::enter(State state) {
  state_ = state;
  owner_.changed();
}

uint64_t ModelSlot::reserved_bytes() const {
  if (process_ == nullptr) return 0;
  // What a process says of itself counts up to what it was allowed.
  const uint64_t own = std::min(facts_.kv_bytes + facts_.scratch_bytes, memory_bytes_);
  const uint64_t touched = os::anonymous_resident_bytes(process_->pid());
  return file_bytes_ + (own > touched ? own - touched : 0);
}

std::optional<LoadedModel> ModelSlot::shown() const {
  if (process_ == nullptr) return std::nullopt;
  LoadedModel shown;
  shown.name = name();
  shown.state = state_ == State::kReady     ? LoadState::kReady
                : state_ == State::kLoading ? LoadState::kLoading
                                            : LoadState::kUnloading;
  shown.bytes = file_bytes_;
  for (const auto& [id, hosted] : jobs_) ++(hosted.sent ? shown.n_running : shown.n_queued);
  shown.expires_unix_s = jobs_.empty() ? expires_unix_s_ : -1;
  shown.facts = {fmt::format("process {}", process_->pid())};
  if (state_ == State::kLoading) return shown;
  shown.bytes += facts_.kv_bytes + facts_.scratch_bytes;
  shown.n_ctx = facts_.n_ctx;
  shown.n_slots = facts_.n_sequences;
  shown.facts.push_back(facts_.backend);
  shown.facts.insert(shown.facts.end(), facts_.warnings.begin(), facts_.warnings.end());
  return shown;
}

}  // namespace hearth::server
