// SPDX-License-Identifier: MIT
// What hearth bench found out: figures of cases, limits of the machine, and whether others
// disturbed the measurement.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/limits.h"
#include "cli/bench_options.h"
#include "graph/cost.h"

namespace hearth::cli {

struct Spread {
  double median = 0.0, min = 0.0, max = 0.0;
  // (max - min) / median; 0 where there is nothing.
  double relative() const { return median > 0 ? (max - min) / median : 0.0; }
};
Spread spread_of(std::vector<double> values);

struct CaseResult {
  BenchCase what;
  std::vector<double> tps;                    // tokens per second, one per repetition
  const Peer* peer = nullptr;                 // the peer that ran beside it
  std::vector<double> peer_tps;               // one per repetition, where a peer ran
  graph::Cost cost;                           // of a token
  std::vector<backend::StepProfile> profile;  // of the last repetition, where asked for

  // Ours through the peer's, pair by pair.
  std::vector<double> ratios() const;
};

// The limits before and after the cases; the better of the two counts, so that no figure is praised
// for a limit that was disturbed.
struct BenchLimits {
  std::optional<cpu::Limits> before, after;

  bool measured() const { return before && after; }
  double read_bytes_per_s() const;
  double int8_macs_per_s() const;
  // Of the figures of a case, at its median.
  double read_fraction(const CaseResult& result) const;
  double int8_fraction(const CaseResult& result) const;
};

struct BenchResult {
  std::string model, backend;
  int n_threads = 0;
  double load_ms = 0.0;
  uint64_t peak_rss_bytes = 0, beside_file_bytes = 0, kv_bytes = 0;
  std::vector<CaseResult> cases;
  BenchLimits limits;
  std::optional<double> others_share;  // of all processors; nothing where the system does not tell

  // The first case of a kind; null where there is none.
  const CaseResult* first(bool is_prefill) const;
};

// Why the figures cannot be trusted, in words; empty on a quiet machine.
std::vector<std::string> busy_reasons(const BenchResult& result);

}  // namespace hearth::cli
