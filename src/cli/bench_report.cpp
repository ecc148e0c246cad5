// SPDX-License-Identifier: MIT
#include "cli/bench_report.h"

#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/bench_profile.h"
#include "cli/machine.h"

namespace hearth::cli {
namespace {

nlohmann::json to_json(const Spread& s) {
  return {{"median", s.median}, {"min", s.min}, {"max", s.max}};
}

Spread tps_of(const CaseResult* result) {
  return result == nullptr ? Spread() : spread_of(result->tps);
}

nlohmann::json case_json(const CaseResult& result, const BenchLimits& limits) {
  nlohmann::json one = {{"what", result.what.is_prefill ? "prefill" : "decode"},
                        {"tokens", result.what.n_tokens},
                        {"depth", result.what.depth},
                        {"sequences", result.what.n_sequences},
                        {"tps", to_json(spread_of(result.tps))},
                        {"bytes_per_token", result.cost.bytes},
                        {"macs_per_token", result.cost.macs},
                        {"attention_macs_per_token", result.cost.attention_macs}};
  if (limits.measured()) {
    one["read_fraction"] = limits.read_fraction(result);
    one["int8_fraction"] = limits.int8_fraction(result);
  }
  if (result.peer != nullptr) {
    one["peer"] = {{"name", std::string(result.peer->name())},
                   {"tps", to_json(spread_of(result.peer_tps))},
                   {"ratio", to_json(spread_of(result.ratios()))}};
  }
  if (!result.profile.empty()) one["profile"] = profile_json(result, limits);
  return one;
}

// Of the first prefill and decode case that a peer ran beside; "ratio" is the decode case's where
// there is one.
nlohmann::json peer_json(const BenchResult& result) {
  nlohmann::json peer;
  for (const bool is_prefill : {true, false}) {
    const CaseResult* one = result.first(is_prefill);
    if (one == nullptr || one->peer == nullptr) continue;
    const std::string what = is_prefill ? "prefill" : "decode";
    const Spread ratio = spread_of(one->ratios());
    peer["name"] = std::string(one->peer->name());
    peer["path"] = one->peer->path;
    peer[what + "_tps"] = to_json(spread_of(one->peer_tps));
    peer[what + "_ratio"] = to_json(ratio);
    peer["ratio"] = ratio.median;
  }
  return peer;
}

nlohmann::json limits_json(const cpu::Limits& limits) {
  return {{"read_gbps", limits.read_bytes_per_s / kGiga},
          {"int8_gmacs", limits.int8_macs_per_s / kGiga}};
}

void add_limits(const BenchResult& result, nlohmann::json& json) {
  const BenchLimits& limits = result.limits;
  if (!limits.measured()) return;
  json["read_gbps"] = limits.read_bytes_per_s() / kGiga;
  json["int8_gmacs"] = limits.int8_macs_per_s() / kGiga;
  json["limits"] = {{"before", limits_json(*limits.before)}, {"after", limits_json(*limits.after)}};
  if (const CaseResult* decode = result.first(false)) {
    json["read_fraction"] = limits.read_fraction(*decode);
  }
  if (const CaseResult* prefill = result.first(true)) {
    json["int8_fraction"] = limits.int8_fraction(*prefill);
  }
}

// The share of the limit that binds: reading for one or few tokens a pass, else arithmetic.
std::string limit_text(const CaseResult& result, const BenchLimits& limits) {
  if (!limits.measured()) return "";
  const double read = limits.read_fraction(result), int8 = limits.int8_fraction(result);
  const bool is_read = read >= int8;
  return fmt::format("{:5.1f} % of the {} limit", (is_read ? read : int8) * kPercent,
                     is_read ? "read" : "int8");
}

void show_case(Output& out, const CaseResult& result, const BenchLimits& limits) {
  const Spread tps = spread_of(result.tps);
  out.line("{:<38} {:8.1f} tokens/s ({:.1f} to {:.1f}) {}", result.what.text(), tps.median, tps.min,
           tps.max, limit_text(result, limits));
  if (result.peer == nullptr) return;
  const Spread peer = spread_of(result.peer_tps), ratio = spread_of(result.ratios());
  out.line("  {:<36} {:8.1f} tokens/s ({:.1f} to {:.1f}) ratio {:.2f} ({:.2f} to {:.2f})",
           result.peer->name(), peer.median, peer.min, peer.max, ratio.median, ratio.min,
           ratio.max);
}

}  // namespace

void show_bench(Output& out, const BenchOptions&, const BenchResult& result) {
  out.line("{} on {}, loaded in {}", result.model, result.backend, format_ms(result.load_ms));
  const BenchLimits& limits = result.limits;
  if (limits.measured()) {
    out.line("limits: {:.1f} GB/s reading, {:.0f} billion int8 multiply-adds/s",
             limits.read_bytes_per_s() / kGiga, limits.int8_macs_per_s() / kGiga);
  }
  for (const CaseResult& one : result.cases) show_case(out, one, limits);
  out.line("memory {} peak, {} of it beside the model file", format_bytes(result.peak_rss_bytes),
           format_bytes(result.beside_file_bytes));
  for (const CaseResult& one : result.cases) show_profile(out, one, limits);
}

nlohmann::json bench_json(const BenchOptions& options, const BenchResult& result) {
  const CaseResult* prefill = result.first(true);
  const CaseResult* decode = result.first(false);
  nlohmann::json json = {{"model", result.model},
                         {"prompt", prefill == nullptr ? 0 : prefill->what.n_tokens},
                         {"predict", options.n_predict},
                         {"depth", options.depths.front()},
                         {"repetitions", options.n_reps},
                         {"threads", result.n_threads},
                         {"prefill_tps", to_json(tps_of(prefill))},
                         {"decode_tps", to_json(tps_of(decode))},
                         {"load_ms", result.load_ms},
                         {"peak_rss_bytes", result.peak_rss_bytes},
                         {"beside_file_bytes", result.beside_file_bytes},
                         {"kv_bytes", result.kv_bytes},
                         {"backend", result.backend},
                         {"machine", machine_facts()}};
  add_limits(result, json);
  json["cases"] = nlohmann::json::array();
  for (const CaseResult& one : result.cases) json["cases"].push_back(case_json(one, result.limits));
  if (nlohmann::json peer = peer_json(result); !peer.empty()) json["peer"] = std::move(peer);
  const auto reasons = busy_reasons(result);
  json["busy"] = !reasons.empty();
  json["warnings"] = reasons;
  if (result.others_share) json["others_share"] = *result.others_share;
  return json;
}

}  // namespace hearth::cli
