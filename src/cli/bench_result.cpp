// SPDX-License-Identifier: MIT
#include "cli/bench_result.h"

#include <algorithm>
#include <cmath>

#include "base/units.h"

namespace hearth::cli {
namespace {

// A quiet machine's own housekeeping stays well below this share of its processors.
constexpr double kOthersShare = 0.05;
// Runs of a quiet machine are within a few percent; a virtual machine's neighbours cost up to ten.
constexpr double kRunSpread = 0.25;
constexpr double kLimitDrift = 0.15;

void judge_limit(std::string_view what, double before, double after,
                 std::vector<std::string>& reasons) {
  const double drift = std::abs(after - before) / std::max(std::max(before, after), 1.0);
  if (drift > kLimitDrift) {
    reasons.push_back(fmt::format("the {} limit changed by {:.0f} % during the measurement", what,
                                  drift * kPercent));
  }
}

}  // namespace

Spread spread_of(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  const double median =
      values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
  return {median, values.front(), values.back()};
}

std::vector<double> CaseResult::ratios() const {
  std::vector<double> ratios;
  for (size_t i = 0; i < std::min(tps.size(), peer_tps.size()); ++i) {
    ratios.push_back(tps[i] / peer_tps[i]);
  }
  return ratios;
}

double BenchLimits::read_bytes_per_s() const {
  return measured() ? std::max(before->read_bytes_per_s, after->read_bytes_per_s) : 0.0;
}
double BenchLimits::int8_macs_per_s() const {
  return measured() ? std::max(before->int8_macs_per_s, after->int8_macs_per_s) : 0.0;
}
double BenchLimits::read_fraction(const CaseResult& result) const {
  return result.cost.bytes * spread_of(result.tps).median / read_bytes_per_s();
}
double BenchLimits::int8_fraction(const CaseResult& result) const {
  return (result.cost.macs + result.cost.attention_macs) * spread_of(result.tps).median /
         int8_macs_per_s();
}

const CaseResult* BenchResult::first(bool is_prefill) const {
  const auto at = std::find_if(cases.begin(), cases.end(), [is_prefill](const CaseResult& result) {
    return result.what.is_prefill == is_prefill;
  });
  return at == cases.end() ? nullptr : &*at;
}

std::vector<std::string> busy_reasons(const BenchResult& result) {
  std::vector<std::string> reasons;
  if (result.others_share && *result.others_share > kOthersShare) {
    reasons.push_back(fmt::format("other programs used {:.0f} % of the processors",
                                  *result.others_share * kPercent));
  }
  for (const CaseResult& one : result.cases) {
    const Spread spread = spread_of(one.tps);
    if (spread.relative() <= kRunSpread) continue;
    reasons.push_back(fmt::format("the runs of {} differ by {:.0f} %", one.what.text(),
                                  spread.relative() * kPercent));
  }
  if (result.limits.measured()) {
    const auto& [before, after] = result.limits;
    judge_limit("read", before->read_bytes_per_s, after->read_bytes_per_s, reasons);
    judge_limit("int8", before->int8_macs_per_s, after->int8_macs_per_s, reasons);
  }
  return reasons;
}

}  // namespace hearth::cli
