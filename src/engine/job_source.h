// SPDX-License-Identifier: MIT
// What an engine process drives: something that takes jobs, computes in steps, and tells events.
// Thread rule: one thread, the one that computes.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "base/result.h"
#include "engine/job.h"
#include "engine/protocol.h"

namespace hearth::engine {

using EventSink = std::function<void(Event)>;

class JobSource {
 public:
  virtual ~JobSource() = default;
  // Takes it or refuses it: whichever, the job's last event comes through the sink.
  virtual void submit(Job job) = 0;
  // Ends the job with kError (kInterrupted); nothing where it has ended already.
  virtual void cancel(uint64_t id) = 0;
  // From any thread: cancel(id) will follow. Whoever can, leaves a step that computes for this job
  // alone.
  virtual void interrupt(uint64_t) {}
  // A parked job keeps what it has and computes nothing more.
  virtual void park(uint64_t id, bool parked) = 0;
  // Computes a little, for all jobs together: an answer to a message is late by one step at most.
  // False where no job can go on.
  virtual bool step() = 0;
  // No job is left.
  virtual bool idle() const = 0;
  // For people and metrics: Stats::jobs.
  virtual nlohmann::ordered_json stats() const = 0;
};

// A model that is ready for jobs.
struct OpenModel {
  std::unique_ptr<JobSource> jobs;
  Loaded loaded;  // but for `sandbox` and `load_ms`
};

// Opens the file that `load` names. The sink lives as long as the jobs.
using ModelOpener = std::function<Result<OpenModel>(const Load&, EventSink)>;

}  // namespace hearth::engine
