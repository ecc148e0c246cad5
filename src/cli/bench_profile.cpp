// SPDX-License-Identifier: MIT
#include "cli/bench_profile.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/units.h"

namespace hearth::cli {
namespace {

constexpr double kNsPerMs = 1e6;
constexpr double kMsPerS = 1e3;

std::string_view kind_of(std::string_view name) {
  if (!name.starts_with("blk.")) return name;
  const size_t dot = name.find('.', 4);
  return dot == std::string_view::npos ? name : name.substr(dot + 1);
}

double rate(double amount, double ms) { return ms > 0 ? amount / ms * kMsPerS : 0.0; }

double sum_ms(const std::vector<ProfileRow>& rows) {
  double sum = 0;
  for (const ProfileRow& row : rows) sum += row.work_ms + row.wait_ms;
  return sum;
}

void show_row(Output& out, const ProfileRow& row, double all_ms, const BenchLimits& limits) {
  const auto cell = [](double value, std::string_view unit) {
    return value > 0 ? fmt::format("{:.1f}{}", value, unit) : std::string();
  };
  out.line("  {:<24} {:>5} {:>9.3f} {:>5.1f} % {:>9.3f} {:>9} {:>8} {:>8} {:>7}", row.kind,
           row.n_steps, row.work_ms, (row.work_ms + row.wait_ms) / all_ms * kPercent, row.wait_ms,
           cell(row.cost.bytes / 1e6, ""), cell(row.bytes_per_s() / kGiga, ""),
           cell(row.macs_per_s() / kGiga, ""),
           limits.measured() ? cell(row.limit_fraction(limits) * kPercent, " %") : "");
}

}  // namespace

double ProfileRow::bytes_per_s() const { return rate(cost.bytes, slowest_ms); }
double ProfileRow::macs_per_s() const { return rate(cost.macs + cost.attention_macs, slowest_ms); }
double ProfileRow::limit_fraction(const BenchLimits& limits) const {
  if (!limits.measured()) return 0.0;
  return std::max(bytes_per_s() / limits.read_bytes_per_s(),
                  macs_per_s() / limits.int8_macs_per_s());
}

std::vector<ProfileRow> profile_by_kind(std::span<const backend::StepProfile> steps) {
  std::vector<ProfileRow> rows;
  for (const backend::StepProfile& step : steps) {
    if (step.n_runs == 0) continue;
    const std::string_view kind = kind_of(step.name);
    auto row = std::find_if(rows.begin(), rows.end(),
                            [kind](const ProfileRow& other) { return other.kind == kind; });
    if (row == rows.end()) {
      rows.push_back({.kind = std::string(kind)});
      row = rows.end() - 1;
    }
    const auto n_runs = static_cast<double>(step.n_runs);
    const auto ms_per_run = [n_runs](int64_t ns) {
      return static_cast<double>(ns) / kNsPerMs / n_runs;
    };
    row->n_steps += 1;
    row->work_ms += ms_per_run(step.work_ns);
    row->slowest_ms += ms_per_run(step.slowest_ns);
    row->wait_ms += ms_per_run(step.wait_ns);
    row->cost +=
        {step.cost.bytes / n_runs, step.cost.macs / n_runs, step.cost.attention_macs / n_runs};
  }
  return rows;
}

void show_profile(Output& out, const CaseResult& result, const BenchLimits& limits) {
  const std::vector<ProfileRow> rows = profile_by_kind(result.profile);
  if (rows.empty()) return;
  const double all_ms = sum_ms(rows);
  out.line("");
  out.line("One pass of {}: {:.3f} ms", result.what.text(), all_ms);
  out.line("  {:<24} {:>5} {:>9} {:>7} {:>9} {:>9} {:>8} {:>8} {:>7}", "kind of step", "steps",
           "work ms", "share", "wait ms", "MB", "GB/s", "GMAC/s", "limit");
  ProfileRow all{.kind = "all"};
  for (const ProfileRow& row : rows) {
    show_row(out, row, all_ms, limits);
    all.n_steps += row.n_steps;
    all.work_ms += row.work_ms;
    all.wait_ms += row.wait_ms;
    all.cost += row.cost;
  }
  all.slowest_ms = all_ms;
  show_row(out, all, all_ms, limits);
}

nlohmann::json profile_json(const CaseResult& result, const BenchLimits& limits) {
  const std::vector<ProfileRow> rows = profile_by_kind(result.profile);
  const double all_ms = sum_ms(rows);
  auto list = nlohmann::json::array();
  for (const ProfileRow& row : rows) {
    nlohmann::json one = {{"kind", row.kind},
                          {"steps", row.n_steps},
                          {"work_ms", row.work_ms},
                          {"slowest_ms", row.slowest_ms},
                          {"wait_ms", row.wait_ms},
                          {"share", (row.work_ms + row.wait_ms) / all_ms},
                          {"bytes", row.cost.bytes},
                          {"macs", row.cost.macs + row.cost.attention_macs},
                          {"read_gbps", row.bytes_per_s() / kGiga},
                          {"int8_gmacs", row.macs_per_s() / kGiga}};
    if (limits.measured()) one["limit_fraction"] = row.limit_fraction(limits);
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace hearth::cli
