// SPDX-License-Identifier: MIT
// All models of a server: each loaded one in an engine process of its own, started when somebody
// asks for it, ended when nobody has for a while (keep_alive), and put out, the longest unused one
// first, where another needs its memory. What happens to a process happens to its own requests
// alone: each of them hears why, and the next request starts the process again, later and later
// where it keeps dying, until after three deaths without an answer in between the model is off,
// with its reason, until somebody asks for it by load().
//
// Memory: a model's weights (mapped from its file), its KV cache and its scratch together have to
// fit what the system has available without swapping, less what the loaded models were given and
// have not touched yet; their weights count as used although the system could drop them. The file's
// size is compared before a process is started; the process compares the exact sum before it reads
// a weight, with a shorter context where the context was left to it.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/protocol.h"
#include "hub/store.h"
#include "server/engine_process.h"
#include "server/models.h"

namespace hearth::server {

struct ModelHostOptions {
  EngineProgram program;
  Patience patience;
  // What every model is loaded with, but for its name, file and memory.
  engine::Load load{.n_sequences = 16};
  int64_t keep_alive_s = 300;  // where a request says nothing; 0: goes at once, -1: stays
  size_t max_loaded = 0;       // models at once; 0: as many as fit
  bool allow_paths = false;    // MODEL may be a path to a file, not only a name in the store
  size_t max_jobs = 1024;      // of one model, running and waiting
  // After a process died unasked, the n-th time in a row: back_off times 2^(n-1) until the next.
  std::chrono::milliseconds back_off{1000};
  int max_deaths = 3;
  // Memory that the system can give without swapping; empty: os::memory_info.
  std::function<Result<uint64_t>()> available_bytes;
};

class ModelHost final : public Models {
 public:
  ModelHost(hub::Store store, ModelHostOptions options);
  // As shutdown(0).
  ~ModelHost() override;

  Result<std::vector<ModelCard>> list() override;
  Result<ModelCard> find(std::string_view model) override;
  Result<ModelFacts> facts(std::string_view model) override;
  Status remove(std::string_view model) override;

  std::vector<LoadedModel> loaded() override;
  ModelCounts counts() override;
  void stats(StatsSink done) override;

  void load(std::string_view model, const LoadWish& wish, LoadSink done) override;
  Status unload(std::string_view model) override;

  uint64_t submit(std::string_view model, const LoadWish& wish, engine::Job job,
                  EventSink sink) override;
  void cancel(uint64_t id) override;
  void hold(uint64_t id, bool held) override;

  // Takes nothing more, lets jobs end within `grace`, ends the others with kInterrupted, ends all
  // processes. Returns when they are gone.
  void shutdown(std::chrono::milliseconds grace);

 private:
  class Core;
  std::unique_ptr<Core> core_;
};

}  // namespace hearth::server
