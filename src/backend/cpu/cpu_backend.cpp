// SPDX-License-Identifier: MIT
// The CPU as a backend: its pool of threads, its kernel table, and programs that run compiled
// steps.
#include <cstdlib>
#include <limits>
#include <mutex>
#include <optional>

#include "backend/backend.h"
#include "backend/cpu/compile.h"
#include "backend/cpu/kernel_table.h"
#include "backend/cpu/kv_store.h"
#include "backend/cpu/profiler.h"
#include "base/check.h"
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
  explicit Device(int n_threads) : pool(n_threads) {}
  ThreadPool pool;
  std::mutex running;
};

class CpuProgram : public backend::Program {
 public:
  static Result<std::unique_ptr<CpuProgram>> make(std::shared_ptr<Device> device,
                                                  const graph::Graph& graph,
                                                  CompiledProgram compiled,
                                                  const backend::ProgramOptions& options) {
    auto program = std::unique_ptr<CpuProgram>(new CpuProgram);
    TRY_LET(program->arena_, allocate(compiled.arena_bytes));
    for (int i = 0; i < device->pool.size(); ++i) {
      TRY_LET(Memory scratch, allocate(compiled.scratch_bytes_per_thread));
      program->scratch_.push_back(scratch.get());
      program->scratch_memory_.push_back(std::move(scratch));
    }
    program->device_ = std::move(device);
    program->compiled_ = std::move(compiled);
    program->options_ = options;
    if (options.profile) {
      program->profiler_.emplace(graph, program->compiled_.steps, program->device_->pool.size());
    }
    return program;
  }

  Status run(const Batch& batch, backend::KvStore* kv) override {
    CHECK(static_cast<int>(batch.tokens.size()) <= options_.max_tokens);
    CHECK(static_cast<int>(batch.outputs.size()) <= options_.max_outputs);
    const Frame frame{.batch = &batch,
                      .kv = static_cast<CpuKvStore*>(kv),
                      .arena = arena_.get(),
                      .scratch = scratch_,
                      .n_tokens = static_cast<int>(batch.tokens.size()),
                      .n_outputs = static_cast<int>(batch.outputs.size()),
                      .n_threads = device_->pool.size()};
    const std::lock_guard lock(device_->running);
    // The phase after which all threads stop; set by thread 0 before it reaches that barrier.
    std::atomic<int> stop_after{std::numeric_limits<int>::max()};
    device_->pool.run([&](int thread) { run_steps(frame, thread, stop_after); });
    if (stop_after.load() != std::numeric_limits<int>::max()) return interrupted("stopped");
    if (profiler_) profiler_->finish(batch, frame.kv);
    return {};
  }

  std::span<float> row(graph::ValueId value, int i) override {
    const Place& place = compiled_.values[static_cast<size_t>(value)];
    CHECK(place.exists());
    auto* data = reinterpret_cast<float*>(arena_.get() + place.offset + i * place.row_bytes);
    return {data, static_cast<size_t>(place.width)};
  }

  uint64_t scratch_bytes() const override {
    return static_cast<uint64_t>(compiled_.arena_bytes) +
           static_cast<uint64_t>(compiled_.scratch_bytes_per_thread) * scratch_.size();
  }

  std::vector<backend::StepProfile> profile() const override {
    return profiler_ ? profiler_->sums() : std::vector<backend::StepProfile>();
  }

  void reset_profile() override {
    if (profiler_) profiler_->reset();
  }

 private:
  CpuProgram() = default;

  void run_steps(const Frame& frame, int thread, std::atomic<int>& stop_after) {
    int phase = 0;
    if (profiler_) profiler_->begin(thread);
    for (size_t i = 0; i < compiled_.steps.size(); ++i) {
      const Step& step = compiled_.steps[i];
      if (step.phase != phase) {
        if (thread == 0 && frame.batch->cancel != nullptr &&
            frame.batch->cancel->load(std::memory_order_relaxed)) {
          stop_after.store(phase, std::memory_order_relaxed);
        }
        device_->pool.barrier(thread);
        if (stop_after.load(std::memory_order_relaxed) <= phase) return;
        phase = step.phase;
        if (profiler_ && i > 0) profiler_->waited(thread, i - 1);
      }
      step.run(frame, thread);
      if (profiler_) profiler_->worked(thread, i);
    }
  }

  std::shared_ptr<Device> device_;
  CompiledProgram compiled_;
  backend::ProgramOptions options_;
  Memory arena_;
  std::vector<Memory> scratch_memory_;
  std::vector<uint8_t*> scratch_;
  std::optional<Profiler> profiler_;
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
    TRY_LET(CompiledProgram compiled, cpu::compile(graph, segment, options, kernels()));
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

Result<std::unique_ptr<Backend>> make_cpu_backend(int n_threads) {
  TRY(cpu::check_isa_choice());
  if (n_threads <= 0) n_threads = os::cpu_info().usable_cores;
  auto device = std::make_shared<cpu::Device>(n_threads);
  return std::make_unique<cpu::CpuBackend>(std::move(device));
}

}  // namespace hearth::backend
