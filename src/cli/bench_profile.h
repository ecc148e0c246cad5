// SPDX-License-Identifier: MIT
// Where the time of a pass goes: the steps of all layers, added up by kind, against the limits.
#pragma once
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "cli/bench_result.h"
#include "cli/output.h"

namespace hearth::cli {

// The steps of one kind, per pass over the model.
struct ProfileRow {
  std::string kind;  // the step's name without its layer: "attn_norm" of "blk.3.attn_norm"
  int n_steps = 0;
  double work_ms = 0.0, slowest_ms = 0.0, wait_ms = 0.0;  // see backend::StepProfile
  graph::Cost cost;

  // While it works, by its slowest thread.
  double bytes_per_s() const;
  double macs_per_s() const;
  // The larger of its shares of the read limit and of the int8 limit.
  double limit_fraction(const BenchLimits& limits) const;
};

// In the order in which the kinds first occur.
std::vector<ProfileRow> profile_by_kind(std::span<const backend::StepProfile> steps);

void show_profile(Output& out, const CaseResult& result, const BenchLimits& limits);
nlohmann::json profile_json(const CaseResult& result, const BenchLimits& limits);

}  // namespace hearth::cli
