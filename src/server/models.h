// SPDX-License-Identifier: MIT
// The models as the dialects see them: what there is, what is loaded, and one door for work. The
// host of engine processes (model_host.h) is the real one; tests have one that answers by script.
// Thread rule: every function may be called on any thread and returns soon (no waiting for a
// model); an EventSink is called on any thread, for one job never by two threads at once.
#pragma once
#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/job.h"

namespace hearth::server {

// Seconds after which a place may be free again: Retry-After of what is refused for want of one.
inline constexpr int64_t kRetryBusy = 2;

// One model of the store.
struct ModelCard {
  std::string name;
  std::string format, arch, quant, licence, sha256;  // "" where unknown
  std::string file;                                  // what an engine opens
  uint64_t bytes = 0;
  int64_t modified_unix_s = 0;
};

// What a model's file says of itself, read without loading it.
struct ModelFacts {
  ModelCard card;
  int64_t context_length = 0;    // trained for
  int64_t embedding_length = 0;  // D
  int64_t n_parameters = 0;
  std::string chat_template;
  bool embeds = false;            // an encoder: vectors, no answers
  bool reranks = false;           // a cross-encoder: scores only
  nlohmann::ordered_json fields;  // the file's metadata, long lists left out
};

enum class LoadState { kLoading, kReady, kUnloading };

struct LoadedModel {
  std::string name;
  LoadState state = LoadState::kReady;
  uint64_t bytes = 0;              // resident memory that it was given
  int64_t n_ctx = 0;               // positions that one answer may have
  int64_t n_slots = 0;             // answers at once
  int64_t n_running = 0;           // jobs under way
  int64_t n_queued = 0;            // jobs that wait
  int64_t expires_unix_s = -1;     // when it goes without further requests; -1: stays
  std::vector<std::string> facts;  // for people, for example where it runs
};

// How a request wants its model held.
struct LoadWish {
  std::optional<int64_t> keep_alive_s;  // from the end of the request on; 0: goes then, -1: stays
  int64_t n_ctx = 0;                    // 0: the host's own choice
};

// Totals since the start, for /metrics and /slots.
struct ModelCounts {
  uint64_t n_jobs = 0, n_failed = 0, n_cancelled = 0, n_restarts = 0;
  uint64_t n_prompt = 0, n_cached = 0, n_completion = 0;  // tokens
};

using EventSink = std::function<void(engine::Event)>;
using LoadSink = std::function<void(Status)>;
using StatsSink = std::function<void(nlohmann::ordered_json)>;

class Models {
 public:
  virtual ~Models() = default;

  // The store's models by name, and one of them by any of the forms that people write ("name",
  // "name:tag", "model@quant"). Errors: kNotFound with near names.
  virtual Result<std::vector<ModelCard>> list() = 0;
  virtual Result<ModelCard> find(std::string_view model) = 0;
  virtual Result<ModelFacts> facts(std::string_view model) = 0;
  virtual Status remove(std::string_view model) = 0;

  virtual std::vector<LoadedModel> loaded() = 0;
  virtual ModelCounts counts() = 0;
  // What the engines of the loaded models say of themselves, one object each: {"model": name,
  // "n_steps": n, "jobs": {…}} (JobSource::stats), by name. An engine answers between two steps;
  // `done` is called once, when all have.
  virtual void stats(StatsSink done) { done(nlohmann::ordered_json::array()); }

  // Loads the model where it is not loaded; `done` is called once. A wish may change the expiry of
  // a loaded one.
  virtual void load(std::string_view model, const LoadWish& wish, LoadSink done) = 0;
  // Puts it out when its running jobs have ended. Errors: kNotFound where it is not loaded.
  virtual Status unload(std::string_view model) = 0;

  // Starts the job, loading its model first where it must; gives job.id its number and answers it.
  // The sink hears every event of the job, kDone or kError last, also of one that could not start.
  // It may be called before submit has returned.
  virtual uint64_t submit(std::string_view model, const LoadWish& wish, engine::Job job,
                          EventSink sink) = 0;
  // The asker is gone: the job ends at once, with or without a last event. Unknown ids are none.
  virtual void cancel(uint64_t id) = 0;
  // While held, the job makes no further tokens and keeps what it has computed: its client reads
  // slowly.
  virtual void hold(uint64_t id, bool held) = 0;
};

}  // namespace hearth::server
