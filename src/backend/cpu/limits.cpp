// SPDX-License-Identifier: MIT
#include "backend/cpu/limits.h"

#include <algorithm>
#include <memory>
#include <new>

#include "backend/cpu/isa.h"
#include "backend/cpu/kernel_table.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/thread_pool.h"
#include "base/units.h"
#include "os/cpu_info.h"
#include "os/memory.h"

namespace hearth::cpu {

void add_limits_base(LimitsTable&);
#if defined(__x86_64__)
void add_limits_avx2(LimitsTable&);
void add_limits_avxvnni(LimitsTable&);
void add_limits_avx512(LimitsTable&);
void add_limits_avx512vnni(LimitsTable&);
#endif

namespace {

struct Cell {
  std::string_view isa;
  void (*add)(LimitsTable&);
};

constexpr Cell kCells[] = {
    {"base", add_limits_base},
#if defined(__x86_64__)
    {"avx2", add_limits_avx2},     {"avxvnni", add_limits_avxvnni},
    {"avx512", add_limits_avx512}, {"avx512vnni", add_limits_avx512vnni},
#endif
};

// The best of this many passes: the first ones warm up frequency and page tables.
constexpr int kPasses = 5;
// Multiply-adds run for about this long per pass.
constexpr double kComputeMs = 40;

// Best rate over the passes, in units per second, where `work` returns the units that it did.
template <class Work>
double best_rate(Work work) {
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const Stopwatch watch;
    const double units = work();
    best = std::max(best, units / (watch.elapsed_ms() / 1000));
  }
  return best;
}

double read_rate(const LimitsTable& loops, ThreadPool& pool, const uint8_t* data, int64_t n_bytes) {
  std::atomic<uint64_t> sum{0};
  return best_rate([&] {
    pool.run([&](int thread) {
      const Slice part = slice(n_bytes, thread, pool.size(), kReadUnit);
      sum.fetch_xor(loops.read(data + part.begin, part.size()), std::memory_order_relaxed);
    });
    return static_cast<double>(n_bytes);
  });
}

double mac_rate(const LimitsTable& loops, ThreadPool& pool) {
  const Stopwatch watch;
  constexpr int64_t kProbe = 100'000;
  loops.int8_macs(kProbe);
  const double rounds_per_ms = kProbe / std::max(watch.elapsed_ms(), 1e-3);
  const auto n_rounds = static_cast<int64_t>(rounds_per_ms * kComputeMs) + 1;
  return best_rate([&] {
    std::atomic<int64_t> macs{0};
    pool.run([&](int) { macs.fetch_add(loops.int8_macs(n_rounds)); });
    return static_cast<double>(macs.load());
  });
}

}  // namespace

LimitsTable limits_table_for(std::string_view isa) {
  LimitsTable table{};
  for (const Isa& candidate : all_isas()) {
    for (const Cell& cell : kCells) {
      if (cell.isa == candidate.name && machine_has(candidate)) cell.add(table);
    }
    if (candidate.name == isa) break;
  }
  CHECK(table.read != nullptr && table.int8_macs != nullptr);
  return table;
}

uint64_t limits_buffer_bytes() {
  const auto memory = os::memory_info();
  const uint64_t wanted = std::max(256 * kMiB, 4 * os::cpu_info().l3_bytes);
  return memory ? std::min(wanted, memory->available_bytes / 4) : 256 * kMiB;
}

Result<Limits> measure_limits(int n_threads, uint64_t buffer_bytes) {
  TRY(check_isa_choice());
  Limits limits;
  limits.isa = active_isa_name();
  const LimitsTable loops = limits_table_for(limits.isa);
  ThreadPool one(1);
  ThreadPool all(n_threads);
  limits.n_threads = all.size();
  limits.buffer_bytes = std::max<uint64_t>(buffer_bytes / kReadUnit, 1) * kReadUnit;
  // The last reads prefetch past their end, which is only a hint and touches nothing.
  const std::unique_ptr<uint8_t[]> buffer(new (std::nothrow) uint8_t[limits.buffer_bytes]);
  if (buffer == nullptr) {
    return with_hint(no_memory("no {} for measuring", format_bytes(limits.buffer_bytes)),
                     "close other programs");
  }
  const auto n_bytes = static_cast<int64_t>(limits.buffer_bytes);
  // Each thread touches the part that it will read, so that the pages lie near it.
  all.run([&](int thread) {
    const Slice part = slice(n_bytes, thread, all.size(), kReadUnit);
    std::fill(buffer.get() + part.begin, buffer.get() + part.end, uint8_t{1});
  });
  limits.read_bytes_per_s_one_thread = read_rate(loops, one, buffer.get(), n_bytes);
  limits.read_bytes_per_s = read_rate(loops, all, buffer.get(), n_bytes);
  limits.int8_macs_per_s_one_thread = mac_rate(loops, one);
  limits.int8_macs_per_s = mac_rate(loops, all);
  return limits;
}

}  // namespace hearth::cpu
