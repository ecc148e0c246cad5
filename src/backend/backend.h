// SPDX-License-Identifier: MIT
// The only door to a device. A backend compiles a part of a graph into a program once, owns the
// buffers behind it, and runs it for each step; the engine moves values between programs
// explicitly, so a plan may put any run of nodes on any device and no copy is hidden. Thread rule:
// a Backend may be shared; a Program and a KvStore belong to one thread at a time.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/cost.h"
#include "graph/graph.h"

namespace hearth::backend {

// Positions in a page of the KV cache. Attention tiles lie at absolute multiples of it.
inline constexpr int kPagePositions = 64;

// Formats of the KV cache's keys and values.
struct KvFormat {
  DType k = DType::kF16;
  DType v = DType::kF16;
};

// The pages of the KV cache on one device. Cache layers with the same window share page tables, a
// "group"; page i of a group is a slot in each of its layers. Layout within a page is the
// backend's.
struct KvLayout {
  std::vector<graph::CacheLayer> layers;
  std::vector<int> group_of_layer;  // index of the layer's group
  std::vector<int> pages_of_group;  // how many pages to hold
  KvFormat format;
};

class KvStore {
 public:
  virtual ~KvStore() = default;
  virtual uint64_t bytes() const = 0;
  // Copies all layers of a group's page to another page of that group (copy on write).
  virtual void copy_page(int group, int from, int to) = 0;
};

// One sequence of a batch: for each group, the page that holds positions [64 b, 64 b + 64) is
// pages[group][b]; -1 where it was given back (outside the window). Pages exist for every position
// that the batch writes and that its tokens may see.
struct SequencePages {
  std::vector<std::span<const int32_t>> pages;
};

// One step: any mix of prefill chunks and single tokens. Rows of one sequence lie together, in
// ascending position. Rows [0, n_prompt) are prompts: their products may take a form that is
// quicker for many rows and less exact (the CPU: 0002-prompt-activations.md), their attention
// another order of sums. What a row is given depends on which side of n_prompt it lies on alone,
// never on the other rows.
struct Batch {
  std::span<const int32_t> tokens;      // [T]
  std::span<const int32_t> positions;   // [T]
  std::span<const int32_t> i_sequence;  // [T], index into sequences
  std::span<const int32_t> segments;    // [T]; empty: all 0
  std::span<const int32_t> outputs;     // [O], rows whose results are wanted, ascending
  std::span<const SequencePages> sequences;
  int n_prompt = 0;
  const std::atomic<bool>* cancel = nullptr;  // looked at between steps; may be null
};

// A run of nodes [begin, end) for one device. Values made before it are imported, values needed
// after it are exported; both lists follow from the graph.
struct Segment {
  int begin = 0;
  int end = 0;
};

struct ProgramOptions {
  int max_tokens = 512;   // T of the largest batch
  int max_outputs = 512;  // O of the largest batch
  bool profile = false;   // time every step; costs a look at the clock per step and thread
};

// What one step of a program took, summed over the runs since the program was made.
struct StepProfile {
  std::string name;    // "blk.3.q"
  int64_t n_runs = 0;  // of the program
  // Time of a thread: the mean over all threads, so that work and waiting of all steps add up to
  // the time of the runs; and the slowest thread's.
  int64_t work_ns = 0;
  int64_t slowest_ns = 0;
  int64_t wait_ns = 0;  // mean over the threads, at the barrier that follows the step (0: none)
  graph::Cost cost;     // of the nodes that the step computes
};

class Program {
 public:
  virtual ~Program() = default;

  // Runs the step. kv may be null for graphs without a cache. Errors: interrupted (cancel), or the
  // device failed; the cache then holds garbage for this batch's positions only.
  virtual Status run(const Batch& batch, KvStore* kv) = 0;

  // Row i of a value that this program imports (before run) or exports (after run), width floats.
  // Valid until the next run.
  virtual std::span<float> row(graph::ValueId value, int i) = 0;

  // Bytes that the program holds beside weights and cache.
  virtual uint64_t scratch_bytes() const = 0;

  // The steps that ran, in their order (few rows may have other steps than many); empty without
  // ProgramOptions::profile, and where the backend has no steps to time.
  virtual std::vector<StepProfile> profile() const { return {}; }
  // Forgets what was measured so far.
  virtual void reset_profile() {}
};

class Backend {
 public:
  virtual ~Backend() = default;
  virtual std::string name() const = 0;  // "cpu avx512vnni, 2 threads"
  // The graph and the weights' bytes must outlive the program.
  virtual Result<std::unique_ptr<Program>> compile(const graph::Graph& graph, Segment segment,
                                                   const ProgramOptions& options) = 0;
  virtual Result<std::unique_ptr<KvStore>> make_kv(const KvLayout& layout) = 0;
};

// The oracle: any graph, straight loops, double accumulation. One thread.
std::unique_ptr<Backend> make_ref_backend();

// The CPU backend with its own pool of `n_threads` threads (0: one per physical core). Work is
// divided by the threads' speeds, which each run measures; `speeds` are relative ones to begin
// with, one positive number per thread (none: all equal).
// Errors: HEARTH_ISA names an instruction set that does not exist or that this machine lacks.
Result<std::unique_ptr<Backend>> make_cpu_backend(int n_threads, std::vector<double> speeds = {});

}  // namespace hearth::backend
