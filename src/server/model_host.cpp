// SPDX-License-Identifier: MIT
#include "server/model_host.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "base/log.h"
#include "base/units.h"
#include "os/memory.h"
#include "server/model_cards.h"
#include "server/model_slot.h"

namespace hearth::server {

namespace asio = boost::asio;

namespace {

constexpr int64_t kRetryAfterUse = 5;  // seconds, where another's answers are in the way

Result<uint64_t> system_available_bytes() {
  TRY_LET(const os::MemoryInfo memory, os::memory_info());
  return memory.available_bytes;
}

Error no_room(const ModelSlot& slot, uint64_t needed, uint64_t free) {
  return {ErrorCode::kNoMemory,
          fmt::format("{} needs at least {}, {} of memory are free", slot.name(),
                      format_bytes(needed), format_bytes(free)),
          "unload another model, use a shorter context, or take a smaller file"};
}

}  // namespace

// The host's own thread and all that belongs to it.
class ModelHost::Core final : public SlotOwner {
 public:
  Core(hub::Store store, ModelHostOptions options)
      : store_(std::move(store)),
        options_(std::move(options)),
        work_(asio::make_work_guard(io_)),
        thread_([this] { io_.run(); }) {
    if (!options_.available_bytes) options_.available_bytes = system_available_bytes;
  }

  void stop_thread() {
    work_.reset();
    io_.stop();
    thread_.join();
    slots_.clear();  // on no thread but the last: processes that still ran are killed
  }

  const hub::Store& store() const { return store_; }
  const ModelHostOptions& options() const { return options_; }
  uint64_t next_id() { return ++last_id_; }

  template <class Work>
  void post(Work work) {
    asio::post(io_, std::move(work));
  }

  std::vector<LoadedModel> shown() const {
    const std::lock_guard lock(mutex_);
    return shown_;
  }
  ModelCounts counts() const {
    const std::lock_guard lock(mutex_);
    return counts_;
  }

  // From here on: on the host's thread.
  void submit(const std::string& model, uint64_t id, HostedJob job);
  void load(const std::string& model, const LoadWish& wish, LoadSink done);
  void unload(const std::string& model);
  void cancel(uint64_t id);
  void hold(uint64_t id, bool held);
  void stats(const StatsSink& done);
  void begin_shutdown(std::chrono::milliseconds grace, std::promise<void>& over);

  void want_to_load(ModelSlot& slot) override;
  void needs_room(ModelSlot& slot, const engine::Refused& refused) override;
  void load_over(ModelSlot& slot) override;
  void process_gone(ModelSlot& slot) override;
  void job_over(uint64_t id, const engine::Event& last) override;
  void restarted() override;
  void changed() override;

 private:
  Result<ModelSlot*> slot_of(std::string_view model);
  ModelSlot* longest_unused(const ModelSlot& but);
  bool others_compute(const ModelSlot& but) const;
  bool try_front();
  void pump();
  Result<uint64_t> free_bytes() const;
  void close_all();
  void finish_shutdown();

  const hub::Store store_;
  ModelHostOptions options_;
  std::atomic<uint64_t> last_id_{0};

  mutable std::mutex mutex_;  // of the two that follow
  std::vector<LoadedModel> shown_;
  ModelCounts counts_;

  asio::io_context io_{1};
  asio::steady_timer deadline_{io_};
  std::map<std::string, std::unique_ptr<ModelSlot>> slots_;
  std::map<uint64_t, ModelSlot*> job_slots_;
  // Models are loaded one after the other: only so is it known what is free.
  std::deque<ModelSlot*> to_load_;
  ModelSlot* loading_ = nullptr;
  bool making_room_ = false;  // a model is on its way out for the first of to_load_
  bool is_pumping_ = false;
  bool stopping_ = false, closing_ = false;
  std::promise<void>* over_ = nullptr;

  asio::executor_work_guard<asio::io_context::executor_type> work_;
  std::thread thread_;
};

Result<ModelSlot*> ModelHost::Core::slot_of(std::string_view model) {
  TRY_LET(const hub::ResolvedModel resolved, resolve_model(store_, model, options_.allow_paths));
  const std::string key = resolved.file.string();
  const auto found = slots_.find(key);
  if (found != slots_.end() && found->second->has_process()) return found->second.get();
  TRY_LET(const ModelCard card, card_of(store_, resolved));
  if (found != slots_.end()) {
    found->second->refresh(card.bytes);
    return found->second.get();
  }
  auto slot = std::make_unique<ModelSlot>(io_, options_, *this, resolved, card.bytes);
  return slots_.emplace(key, std::move(slot)).first->second.get();
}

void ModelHost::Core::submit(const std::string& model, uint64_t id, HostedJob job) {
  Error error{ErrorCode::kInterrupted, "the server is stopping", ""};
  if (!stopping_) {
    const auto slot = slot_of(model);
    if (slot) {
      job_slots_[id] = *slot;
      const std::lock_guard lock(mutex_);
      ++counts_.n_jobs;
    }
    if (slot) return (*slot)->submit(id, std::move(job));
    error = slot.error();
  }
  engine::Event event;
  event.id = id;
  event.kind = engine::EventKind::kError;
  event.error = std::move(error);
  job.sink(std::move(event));
}

void ModelHost::Core::load(const std::string& model, const LoadWish& wish, LoadSink done) {
  if (stopping_) return done(interrupted("the server is stopping"));
  const auto slot = slot_of(model);
  if (!slot) return done(Failure(slot.error()));
  (*slot)->load(wish, std::move(done));
}

void ModelHost::Core::unload(const std::string& model) {
  for (const auto& [key, slot] : slots_) {
    if (slot->name() == model) slot->leave("as asked");
  }
}

void ModelHost::Core::cancel(uint64_t id) {
  const auto found = job_slots_.find(id);
  if (found != job_slots_.end()) found->second->cancel(id);
}

void ModelHost::Core::hold(uint64_t id, bool held) {
  const auto found = job_slots_.find(id);
  if (found != job_slots_.end()) found->second->hold(id, held);
}

void ModelHost::Core::stats(const StatsSink& done) {
  struct Gathered {
    nlohmann::ordered_json list = nlohmann::ordered_json::array();
    size_t n_due = 1;  // this function itself
  };
  const auto gathered = std::make_shared<Gathered>();
  const auto one_less = [gathered, done] {
    if (--gathered->n_due > 0) return;
    auto& list = gathered->list.get_ref<nlohmann::ordered_json::array_t&>();
    std::sort(list.begin(), list.end(), [](const auto& a, const auto& b) {
      return a["model"].template get_ref<const std::string&>() <
             b["model"].template get_ref<const std::string&>();
    });
    done(std::move(gathered->list));
  };
  for (const auto& [key, slot] : slots_) {
    ++gathered->n_due;
    slot->stats([gathered, one_less](nlohmann::ordered_json said) {
      if (said.is_object()) gathered->list.push_back(std::move(said));
      one_less();
    });
  }
  one_less();
}

void ModelHost::Core::want_to_load(ModelSlot& slot) {
  to_load_.push_back(&slot);
  pump();
}

void ModelHost::Core::needs_room(ModelSlot& slot, const engine::Refused& refused) {
  ModelSlot* const victim = longest_unused(slot);
  if (victim == nullptr) {
    slot.fail_waiting(refused.error, others_compute(slot) ? kRetryAfterUse : 0);
    return;
  }
  to_load_.push_front(&slot);
  making_room_ = true;
  victim->leave(fmt::format("to make room for {}: {}", slot.name(), refused.error.message));
}

void ModelHost::Core::load_over(ModelSlot& slot) {
  if (loading_ != &slot) return;
  loading_ = nullptr;
  pump();
}

void ModelHost::Core::process_gone(ModelSlot&) {
  making_room_ = false;
  pump();
  finish_shutdown();
}

ModelSlot* ModelHost::Core::longest_unused(const ModelSlot& but) {
  ModelSlot* found = nullptr;
  for (const auto& [key, slot] : slots_) {
    if (slot.get() == &but || !slot->is_idle()) continue;
    if (found == nullptr || slot->last_used() < found->last_used()) found = slot.get();
  }
  return found;
}

bool ModelHost::Core::others_compute(const ModelSlot& but) const {
  return std::any_of(slots_.begin(), slots_.end(), [&](const auto& entry) {
    return entry.second.get() != &but && entry.second->has_process();
  });
}

Result<uint64_t> ModelHost::Core::free_bytes() const {
  TRY_LET(uint64_t free, options_.available_bytes());
  for (const auto& [key, slot] : slots_) free -= std::min(free, slot->reserved_bytes());
  return free;
}

// Starts the first model that waits, or has another one leave for it. False where nothing more can
// be done now.
bool ModelHost::Core::try_front() {
  if (to_load_.empty() || loading_ != nullptr || making_room_ || stopping_) return false;
  ModelSlot& slot = *to_load_.front();
  const auto free = free_bytes();
  const auto n_loaded = static_cast<size_t>(std::count_if(
      slots_.begin(), slots_.end(), [](const auto& entry) { return entry.second->has_process(); }));
  const bool too_many = options_.max_loaded > 0 && n_loaded >= options_.max_loaded;
  const bool fits = free && *free >= slot.file_bytes();
  if (free && (too_many || !fits)) {
    if (ModelSlot* const victim = longest_unused(slot)) {
      making_room_ = true;
      victim->leave(fmt::format("to make room for {}", slot.name()));
      return false;
    }
  }
  to_load_.pop_front();
  if (!free) {
    slot.fail_waiting(free.error(), 0);
  } else if (too_many) {
    slot.fail_waiting({ErrorCode::kLimit,
                       fmt::format("{} models are loaded and in use, which is the limit", n_loaded),
                       "ask again later"},
                      kRetryAfterUse);
  } else if (!fits) {
    slot.fail_waiting(no_room(slot, slot.file_bytes(), *free),
                      others_compute(slot) ? kRetryAfterUse : 0);
  } else {
    loading_ = &slot;
    slot.start(*free);
  }
  return true;
}

void ModelHost::Core::pump() {
  if (is_pumping_) return;  // the loop below goes on
  is_pumping_ = true;
  while (try_front()) {
  }
  is_pumping_ = false;
}

void ModelHost::Core::job_over(uint64_t id, const engine::Event& last) {
  job_slots_.erase(id);
  {
    const std::lock_guard lock(mutex_);
    if (last.kind == engine::EventKind::kDone) {
      counts_.n_prompt += static_cast<uint64_t>(std::max<int64_t>(0, last.usage.n_prompt));
      counts_.n_cached += static_cast<uint64_t>(std::max<int64_t>(0, last.usage.n_cached));
      counts_.n_completion += static_cast<uint64_t>(std::max<int64_t>(0, last.usage.n_completion));
    } else {
      ++(last.error.code == ErrorCode::kInterrupted ? counts_.n_cancelled : counts_.n_failed);
    }
  }
  finish_shutdown();
}

void ModelHost::Core::restarted() {
  const std::lock_guard lock(mutex_);
  ++counts_.n_restarts;
}

void ModelHost::Core::changed() {
  std::vector<LoadedModel> now;
  for (const auto& [key, slot] : slots_) {
    if (auto shown = slot->shown()) now.push_back(std::move(*shown));
  }
  const std::lock_guard lock(mutex_);
  shown_ = std::move(now);
}

void ModelHost::Core::begin_shutdown(std::chrono::milliseconds grace, std::promise<void>& over) {
  stopping_ = true;
  over_ = &over;
  to_load_.clear();
  if (job_slots_.empty() || grace.count() == 0) return close_all();
  deadline_.expires_after(grace);
  deadline_.async_wait([this](boost::system::error_code failed) {
    if (!failed) close_all();
  });
}

void ModelHost::Core::close_all() {
  closing_ = true;
  deadline_.cancel();
  for (const auto& [key, slot] : slots_) {
    slot->close({ErrorCode::kInterrupted, "the server is stopping", "ask again when it is back"});
  }
  finish_shutdown();
}

void ModelHost::Core::finish_shutdown() {
  if (over_ == nullptr) return;
  if (!job_slots_.empty()) return;
  const bool running = std::any_of(slots_.begin(), slots_.end(),
                                   [](const auto& entry) { return entry.second->has_process(); });
  if (!running) return std::exchange(over_, nullptr)->set_value();
  if (closing_) return;
  // The last job has ended before its time was up. Not from within what the job's end is part of.
  if (deadline_.expires_at() > Clock::now()) deadline_.expires_after(std::chrono::seconds(0));
  deadline_.async_wait([this](boost::system::error_code failed) {
    if (!failed) close_all();
  });
}

ModelHost::ModelHost(hub::Store store, ModelHostOptions options)
    : core_(std::make_unique<Core>(std::move(store), std::move(options))) {}

ModelHost::~ModelHost() {
  shutdown(std::chrono::milliseconds(0));
  core_->stop_thread();
}

Result<std::vector<ModelCard>> ModelHost::list() { return list_cards(core_->store()); }

Result<ModelCard> ModelHost::find(std::string_view model) {
  TRY_LET(const hub::ResolvedModel resolved,
          resolve_model(core_->store(), model, core_->options().allow_paths));
  return card_of(core_->store(), resolved);
}

Result<ModelFacts> ModelHost::facts(std::string_view model) {
  TRY_LET(ModelCard card, find(model));
  return facts_of(std::move(card));
}

Status ModelHost::remove(std::string_view model) {
  TRY_LET(const ModelCard card, find(model));
  (void)unload(card.name);
  hub::Store store = core_->store();
  return store.remove(card.name);
}

std::vector<LoadedModel> ModelHost::loaded() { return core_->shown(); }

ModelCounts ModelHost::counts() { return core_->counts(); }

void ModelHost::stats(StatsSink done) {
  core_->post([core = core_.get(), done = std::move(done)] { core->stats(done); });
}

void ModelHost::load(std::string_view model, const LoadWish& wish, LoadSink done) {
  core_->post([core = core_.get(), name = std::string(model), wish, done = std::move(done)] {
    core->load(name, wish, done);
  });
}

Status ModelHost::unload(std::string_view model) {
  TRY_LET(const ModelCard card, find(model));
  const auto shown = core_->shown();
  const bool is_loaded = std::any_of(shown.begin(), shown.end(), [&](const LoadedModel& entry) {
    return entry.name == card.name;
  });
  if (!is_loaded) return not_found("{} is not loaded", card.name);
  core_->post([core = core_.get(), name = card.name] { core->unload(name); });
  return {};
}

uint64_t ModelHost::submit(std::string_view model, const LoadWish& wish, engine::Job job,
                           EventSink sink) {
  const uint64_t id = core_->next_id();
  HostedJob hosted;
  hosted.job = std::move(job);
  hosted.wish = wish;
  hosted.sink = std::move(sink);
  core_->post(
      [core = core_.get(), name = std::string(model), id, hosted = std::move(hosted)]() mutable {
        core->submit(name, id, std::move(hosted));
      });
  return id;
}

void ModelHost::cancel(uint64_t id) {
  core_->post([core = core_.get(), id] { core->cancel(id); });
}

void ModelHost::hold(uint64_t id, bool held) {
  core_->post([core = core_.get(), id, held] { core->hold(id, held); });
}

void ModelHost::shutdown(std::chrono::milliseconds grace) {
  std::promise<void> over;
  core_->post([core = core_.get(), grace, &over] { core->begin_shutdown(grace, over); });
  over.get_future().wait();
}

}  // namespace hearth::server
