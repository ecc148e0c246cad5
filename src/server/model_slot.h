// SPDX-License-Identifier: MIT
// One model of the host: its engine process, or none, and the jobs that run in it or wait for it.
// Thread rule: the host's thread alone.
#pragma once
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "server/engine_process.h"
#include "server/model_host.h"
#include "server/models.h"

namespace hearth::server {

// A job on its way through the host.
struct HostedJob {
  engine::Job job;  // moved away once it was sent
  LoadWish wish;
  EventSink sink;
  bool sent = false;
  bool cancelled = false;  // its asker hears nothing more
  Stopwatch since;         // it came
  double waited_ms = 0.0;  // for the model
};

// What a slot asks of the host.
class SlotOwner {
 public:
  virtual ~SlotOwner() = default;
  // Calls slot.start() when it is this model's turn and there is room, or slot.fail_waiting().
  virtual void want_to_load(class ModelSlot& slot) = 0;
  // The process has no memory for the model: makes room and has it load again, or fails it.
  virtual void needs_room(ModelSlot& slot, const engine::Refused& refused) = 0;
  // The load that was under way is over, one way or the other.
  virtual void load_over(ModelSlot& slot) = 0;
  // A process is gone, its memory free.
  virtual void process_gone(ModelSlot& slot) = 0;
  virtual void job_over(uint64_t id, const engine::Event& last) = 0;
  virtual void restarted() = 0;
  // Something that loaded() shows has changed.
  virtual void changed() = 0;
};

class ModelSlot {
 public:
  enum class State { kAbsent, kWaiting, kLoading, kReady, kLeaving };

  ModelSlot(boost::asio::io_context& io, const ModelHostOptions& options, SlotOwner& owner,
            hub::ResolvedModel model, uint64_t file_bytes);

  void submit(uint64_t id, HostedJob job);
  void cancel(uint64_t id);
  void hold(uint64_t id, bool held);
  // `done` hears when the model is ready, or why not. Forgets former deaths.
  void load(const LoadWish& wish, LoadSink done);
  // Ends the process when its running jobs have ended; with `now` set, at once, and the jobs with
  // it.
  void leave(std::string_view why, bool now = false);
  // `done` hears null where the model is not ready, or goes before it has answered.
  void stats(StatsSink done);
  // Ends everything now; all who wait or run hear why.
  void close(const Error& why);

  // For the owner's answer to want_to_load().
  void start(uint64_t memory_bytes);
  void fail_waiting(const Error& error, int64_t retry_after_s);

  // The file may have been replaced by another one while no process had it open.
  void refresh(uint64_t file_bytes);

  State state() const { return state_; }
  bool is_idle() const { return state_ == State::kReady && jobs_.empty(); }
  bool has_process() const { return process_ != nullptr; }
  Clock::time_point last_used() const { return last_used_; }
  uint64_t file_bytes() const { return file_bytes_; }
  // What the loaded model was given and has not touched yet; its weights count whole.
  uint64_t reserved_bytes() const;
  const std::string& name() const { return model_.name; }
  std::optional<LoadedModel> shown() const;

 private:
  EngineListener listener();
  void on_loaded(engine::Loaded loaded);
  void on_event(engine::Event event);
  void on_stats(engine::Stats stats);
  void on_end(Error why);

  void wake();
  void enter(State state);
  void send_waiting();
  void died(const Error& why, bool while_loading);
  void fail_jobs(const Error& error, int64_t retry_after_s, bool only_sent);
  void finish(uint64_t id, engine::Event last);
  void stop_waiting(const Error& why);
  void tell_loaders(const Status& status);
  void after_use();
  void settle();
  void keep(const LoadWish& wish);
  bool wants_longer_context(const LoadWish& wish) const;

  static constexpr int64_t kMaxContext = int64_t{1} << 26;  // far above any model's

  boost::asio::io_context& io_;
  const ModelHostOptions& options_;
  SlotOwner& owner_;
  hub::ResolvedModel model_;
  uint64_t file_bytes_;
  State state_ = State::kAbsent;
  std::unique_ptr<EngineProcess> process_;
  engine::Loaded facts_;
  std::optional<engine::Refused> refused_;
  std::map<uint64_t, HostedJob> jobs_;  // by id: the order in which they came
  std::vector<LoadSink> loaders_;
  std::deque<StatsSink> asked_stats_;  // answers come in the order of the requests
  uint64_t memory_bytes_ = 0;          // that the process may take
  int n_ctx_ = 0;                      // asked for; 0: the host's own choice

  int64_t keep_alive_s_;
  int64_t expires_unix_s_ = -1;
  Clock::time_point last_used_ = Clock::now();
  boost::asio::steady_timer expiry_;

  bool closed_ = false;
  bool pausing_ = false;  // until not_before_

  int n_deaths_ = 0;  // in a row, without an answer
  std::optional<Error> off_;
  Clock::time_point not_before_;
  boost::asio::steady_timer back_off_;
};

}  // namespace hearth::server
