// SPDX-License-Identifier: MIT
// The CPU as a backend: its pool of threads, its kernel table, and programs that run compiled
// steps.
#include <bit>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>

#include "backend/backend.h"
#include "backend/cpu/attention_chunks.h"
#include "backend/cpu/compile.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/kv_store.h"
#include "backend/cpu/pieces.h"
#include "backend/cpu/profiler.h"
#include "backend/cpu/shares.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/units.h"
#include "os/cpu_info.h"

namespace hearth::cpu {
namespace {

using backend::Batch;

struct FreeMemory {
  void operator()(uint8_t* memory) const { std::free(memory); }
};
using Memory = std::unique_ptr<uint8_t, FreeMemory>;

Result<Memory> allocate(int64_t bytes) {
  const auto rounded = static_cast<size_t>((std::max<int64_t>(bytes, 64) + 63) / 64 * 64);
  Memory memory(static_cast<uint8_t*>(std::aligned_alloc(64, rounded)));
  if (memory == nullptr) {
    return with_hint(no_memory("no memory for {} of activations", format_bytes(rounded)),
                     "use a smaller batch or context");
  }
  return memory;
}

// What programs share: one pool, used by one run at a time.
struct Device {
  Device(int n_threads, std::vector<double> speeds_at_first)
      : pool(n_threads), pieces(pool.size()), speeds(std::move(speeds_at_first)) {
    CHECK(speeds.empty() || static_cast<int>(speeds.size()) >= pool.size());
    // The system may refuse threads.
    if (!speeds.empty()) speeds.resize(static_cast<size_t>(pool.size()), 1.0);
  }
  ThreadPool pool;
  Pieces pieces;
  std::vector<double> speeds;  // relative ones to begin with; none: all equal
  std::mutex running;
};

class CpuProgram : public backend::Program {
 public:
  static Result<std::unique_ptr<CpuProgram>> make(std::shared_ptr<Device> device,
                                                  const graph::Graph& graph,
                                                  CompiledProgram compiled,
                                                  const backend::ProgramOptions& options) {
    auto program = std::unique_ptr<CpuProgram>(new CpuProgram);
    int64_t own_bytes = 0;
    for (const Schedule& schedule : compiled.schedules) {
      program->arena_bytes_ = std::max(program->arena_bytes_, schedule.arena_bytes);
      own_bytes = std::max(own_bytes, schedule.own_bytes);
    }
    TRY_LET(program->arena_, allocate(program->arena_bytes_));
    for (int i = 0; i < device->pool.size(); ++i) {
      ThreadMemory& memory = program->threads_.emplace_back();
      TRY_LET(memory.own, allocate(own_bytes));
      TRY_LET(memory.scratch, allocate(compiled.scratch_bytes_per_thread));
    }
    program->own_bytes_ = own_bytes;
    program->device_ = std::move(device);
    program->compiled_ = std::move(compiled);
    program->schedule_ = program->compiled_.schedules.data();
    program->options_ = options;
    const int n_threads = program->device_->pool.size();
    program->waited_ns_.resize(static_cast<size_t>(n_threads));
    for (size_t i = 0; i < program->compiled_.schedules.size(); ++i) {
      program->shares_.emplace_back(n_threads, program->device_->speeds);
    }
    if (options.profile) {
      for (const Schedule& schedule : program->compiled_.schedules) {
        program->profilers_.emplace_back(graph, schedule.steps, program->device_->pool.size());
      }
    }
    return program;
  }

  Status run(const Batch& batch, backend::KvStore* kv) override {
    CHECK(static_cast<int>(batch.tokens.size()) <= options_.max_tokens);
    CHECK(static_cast<int>(batch.outputs.size()) <= options_.max_outputs);
    const auto n_tokens = static_cast<int>(batch.tokens.size());
    const size_t i_schedule = n_tokens <= compiled_.few_rows ? 1 : 0;
    schedule_ = &compiled_.schedules[i_schedule];
    Profiler* const profiler = profilers_.empty() ? nullptr : &profilers_[i_schedule];
    if (schedule_->plan == Plan::kFew) TRY(hold_partials(batch));
    const std::lock_guard lock(device_->running);
    // The phase after which all threads stop; set by thread 0 before it reaches that barrier.
    std::atomic<int> stop_after{std::numeric_limits<int>::max()};
    Shares& shares = shares_[i_schedule];
    for_waits([&](int64_t& waited, int64_t so_far) { waited = so_far; });
    const Stopwatch watch;
    device_->pool.run([&](int thread) {
      const ThreadMemory& memory = threads_[static_cast<size_t>(thread)];
      const Frame frame{.batch = &batch,
                        .kv = static_cast<CpuKvStore*>(kv),
                        .arena = arena_.get(),
                        .own = memory.own.get(),
                        .partials = partials_.get(),
                        .scratch = memory.scratch.get(),
                        .n_tokens = n_tokens,
                        .n_prompt = batch.n_prompt,
                        .n_outputs = static_cast<int>(batch.outputs.size()),
                        .shares = &shares,
                        .pieces = &device_->pieces,
                        .replicated = schedule_->plan == Plan::kFew};
      run_steps(frame, thread, profiler, stop_after);
    });
    const int64_t run_ns = watch.elapsed_ns();
    for_waits([&](int64_t& waited, int64_t so_far) { waited = so_far - waited; });
    if (run_ns >= kLeastRunNs) shares.learn(run_ns, waited_ns_);
    if (stop_after.load() != std::numeric_limits<int>::max()) return interrupted("stopped");
    if (profiler != nullptr) profiler->finish(batch, static_cast<CpuKvStore*>(kv));
    return {};
  }

  std::span<float> row(graph::ValueId value, int i) override {
    const Place& place = schedule_->values[static_cast<size_t>(value)];
    CHECK(place.exists());
    // Of what each thread has a copy, thread 0's.
    uint8_t* memory = place.own ? threads_.front().own.get() : arena_.get();
    auto* data = reinterpret_cast<float*>(memory + place.offset + i * place.row_bytes);
    return {data, static_cast<size_t>(place.width)};
  }

  uint64_t scratch_bytes() const override {
    const int64_t per_thread = own_bytes_ + compiled_.scratch_bytes_per_thread;
    return static_cast<uint64_t>(arena_bytes_ + partials_bytes_ +
                                 per_thread * static_cast<int64_t>(threads_.size()));
  }

  // Of the schedules that ran.
  std::vector<backend::StepProfile> profile() const override {
    std::vector<backend::StepProfile> steps;
    for (const Profiler& profiler : profilers_) {
      const auto& sums = profiler.sums();
      if (sums.empty() || sums.front().n_runs == 0) continue;
      steps.insert(steps.end(), sums.begin(), sums.end());
    }
    return steps;
  }

  void reset_profile() override {
    for (Profiler& profiler : profilers_) profiler.reset();
  }

 private:
  struct ThreadMemory {
    Memory own, scratch;
  };

  // Shorter runs tell more about the clock than about the threads.
  static constexpr int64_t kLeastRunNs = 100'000;

  CpuProgram() = default;

  // f(of this run, since the device was made) for each thread: how long it had nothing to do of its
  // own.
  template <class F>
  void for_waits(F&& f) {
    for (size_t i = 0; i < waited_ns_.size(); ++i) {
      const auto thread = static_cast<int>(i);
      f(waited_ns_[i], device_->pool.waited_ns(thread) + device_->pieces.helped_ns(thread));
    }
  }

  // Makes room for attention's partial results. They grow with the longest sequence, by doubling.
  Status hold_partials(const Batch& batch) {
    auto n_chunks = n_chunks_of(static_cast<int>(batch.tokens.size()));
    for (const int32_t position : batch.positions) {
      n_chunks = std::max(n_chunks, n_chunks_of(position + 1));
    }
    if (n_chunks <= partial_chunks_) return {};
    const int rounded = static_cast<int>(std::bit_ceil(static_cast<unsigned>(n_chunks)));
    const int64_t bytes = compiled_.partial_bytes * compiled_.few_rows * rounded;
    TRY_LET(partials_, allocate(bytes));
    partials_bytes_ = bytes;
    partial_chunks_ = rounded;
    return {};
  }

  void run_steps(const Frame& frame, int thread, Profiler* profiler, std::atomic<int>& stop_after) {
    int phase = 0;
    if (profiler != nullptr) profiler->begin(thread);
    for (size_t i = 0; i < schedule_->steps.size(); ++i) {
      const Step& step = schedule_->steps[i];
      if (step.phase != phase) {
        if (thread == 0 && frame.batch->cancel != nullptr &&
            frame.batch->cancel->load(std::memory_order_relaxed)) {
          stop_after.store(phase, std::memory_order_relaxed);
        }
        device_->pool.barrier(thread);
        if (stop_after.load(std::memory_order_relaxed) <= phase) return;
        phase = step.phase;
        if (profiler != nullptr && i > 0) profiler->waited(thread, i - 1);
      }
      step.run(frame, thread);
      if (profiler != nullptr) profiler->worked(thread, i);
    }
  }

  std::shared_ptr<Device> device_;
  CompiledProgram compiled_;
  const Schedule* schedule_ = nullptr;  // of the last run
  backend::ProgramOptions options_;
  Memory arena_;
  int64_t arena_bytes_ = 0;
  std::vector<ThreadMemory> threads_;
  int64_t own_bytes_ = 0;
  Memory partials_;
  int64_t partials_bytes_ = 0;
  int partial_chunks_ = 0;
  std::vector<Profiler> profilers_;  // one per schedule, or none
  std::vector<Shares> shares_;       // one per schedule: what is quick depends on the work
  std::vector<int64_t> waited_ns_;   // of each thread, in the run that is on
};

class CpuBackend : public backend::Backend {
 public:
  explicit CpuBackend(std::shared_ptr<Device> device) : device_(std::move(device)) {}

  std::string name() const override {
    return fmt::format("cpu {}, {} threads", active_isa_name(), device_->pool.size());
  }

  Result<std::unique_ptr<backend::Program>> compile(
      const graph::Graph& graph, backend::Segment segment,
      const backend::ProgramOptions& options) override {
    TRY_LET(CompiledProgram compiled,
            cpu::compile(graph, segment, options, kernels(), device_->pool.size()));
    TRY_LET(auto program, CpuProgram::make(device_, graph, std::move(compiled), options));
    return program;
  }

  Result<std::unique_ptr<backend::KvStore>> make_kv(const backend::KvLayout& layout) override {
    TRY_LET(auto store, CpuKvStore::make(layout));
    return store;
  }

 private:
  std::shared_ptr<Device> device_;
};

}  // namespace

}  // namespace hearth::cpu

namespace hearth::backend {

Result<std::unique_ptr<Backend>> make_cpu_backend(int n_threads, std::vector<double> speeds) {
  TRY(cpu::check_isa_choice());
  if (n_threads <= 0) n_threads = os::cpu_info().usable_cores;
  auto device = std::make_shared<cpu::Device>(n_threads, std::move(speeds));
  return std::make_unique<cpu::CpuBackend>(std::move(device));
}

}  // namespace hearth::backend
