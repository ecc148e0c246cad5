// SPDX-License-Identifier: MIT
#include "cli/bench_peer.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/quote.h"
#include "cli/bench_options.h"
#include "cli/output.h"
#include "os/child_process.h"

namespace hearth::cli {
namespace {

constexpr struct {
  PeerKind kind;
  std::string_view name;
} kKinds[] = {
    {PeerKind::kLlamaBench, "llama-bench"},
    {PeerKind::kIkLlamaBench, "ik-llama-bench"},
    {PeerKind::kLlamaBatchedBench, "llama-batched-bench"},
};

Result<double> rate(double tokens_per_s) {
  if (!std::isfinite(tokens_per_s) || tokens_per_s <= 0) {
    return corrupt("the peer tells {} tokens/s", tokens_per_s);
  }
  return tokens_per_s;
}

// Tokens that the program processes and writes in this case, as it names them itself.
struct Counts {
  int n_prompt, n_gen;
};

Counts counts_of(const Peer& peer, const BenchCase& c) {
  if (c.is_prefill) return {c.n_tokens, 0};
  const bool depth_is_prompt = peer.kind == PeerKind::kIkLlamaBench;
  return {depth_is_prompt ? c.depth : 0, c.n_tokens};
}

// llama-bench -o json: an array with one object per test. Of several repetitions the last counts:
// the ones before it have warmed caches, as hearth's own first round has.
Result<double> parse_json(const Counts& counts, std::string_view out) {
  const auto rows = hearth::parse_json(out);
  if (!rows.is_array()) return corrupt("the peer's answer is not a list of tests in JSON");
  for (const auto& row : rows) {
    if (!row.is_object()) continue;
    const auto number = [&row](const char* name) {
      const auto at = row.find(name);
      return at != row.end() && at->is_number() ? at->get<double>() : std::nan("");
    };
    if (number("n_prompt") != counts.n_prompt || number("n_gen") != counts.n_gen) continue;
    const auto samples = row.find("samples_ts");
    const bool has_samples = samples != row.end() && samples->is_array() && !samples->empty() &&
                             samples->back().is_number();
    return rate(has_samples ? samples->back().get<double>() : number("avg_ts"));
  }
  return corrupt("the peer's answer has no test of {} and {} tokens", counts.n_prompt,
                 counts.n_gen);
}

std::vector<double> cells_of(std::string_view line) {
  std::vector<double> cells;
  while (line.starts_with('|')) {
    line.remove_prefix(1);
    while (line.starts_with(' ')) line.remove_prefix(1);
    double value = 0;
    const auto end = std::from_chars(line.data(), line.data() + line.size(), value);
    if (end.ec != std::errc()) return {};
    cells.push_back(value);
    line.remove_prefix(static_cast<size_t>(end.ptr - line.data()));
    while (line.starts_with(' ')) line.remove_prefix(1);
    if (line == "|" || line == "|\r") break;
  }
  return cells;
}

// llama-batched-bench: a table with the columns PP, TG, B, N_KV, T_PP, S_PP, T_TG, S_TG, T, S.
Result<double> parse_table(const BenchCase& c, std::string_view out) {
  constexpr size_t kColumns = 10, kWritten = 1, kSequences = 2, kWriteRate = 7;
  while (!out.empty()) {
    const size_t end = out.find('\n');
    const auto cells = cells_of(out.substr(0, end));
    if (cells.size() == kColumns && cells[kWritten] == c.n_tokens &&
        cells[kSequences] == c.n_sequences) {
      return rate(cells[kWriteRate]);
    }
    out.remove_prefix(end == std::string_view::npos ? out.size() : end + 1);
  }
  return corrupt("the peer's answer has no line of {} sequences", c.n_sequences);
}

std::string last_line(std::string_view text) {
  while (text.ends_with('\n')) text.remove_suffix(1);
  return printable(text.substr(text.rfind('\n') + 1));
}

}  // namespace

std::string_view Peer::name() const {
  for (const auto& row : kKinds) {
    if (row.kind == kind) return row.name;
  }
  return "";
}

Result<Peer> parse_peer(const std::string& text) {
  const size_t sign = text.find('=');
  for (const auto& row : kKinds) {
    if (sign != std::string::npos && text.substr(0, sign) == row.name && sign + 1 < text.size()) {
      return Peer{row.kind, text.substr(sign + 1), {}};
    }
  }
  std::string known;
  for (const auto& row : kKinds) known += fmt::format("{}{}", known.empty() ? "" : ", ", row.name);
  return with_hint(invalid("--against {}", quote(text)), "it is KIND=PATH, KIND one of {}", known);
}

bool can_measure(const Peer& peer, const BenchCase& c) {
  switch (peer.kind) {
    case PeerKind::kLlamaBench:
      return c.n_sequences == 1;
    case PeerKind::kIkLlamaBench:
      return c.n_sequences == 1 && (c.depth == 0 || !c.is_prefill);
    case PeerKind::kLlamaBatchedBench:
      return c.n_sequences > 1;
  }
  return false;
}

std::vector<std::string> peer_command(const Peer& peer, const BenchCase& c, const PeerRun& run) {
  const auto number = [](int value) { return std::to_string(value); };
  std::vector<std::string> command = {peer.path, "-m", run.model_path, "-t", number(run.n_threads)};
  const auto add = [&command](std::initializer_list<std::string> words) {
    command.insert(command.end(), words);
  };
  if (run.cache_k != "f16") add({"-ctk", run.cache_k});
  if (run.cache_v != "f16") add({"-ctv", run.cache_v});
  if (peer.kind == PeerKind::kLlamaBatchedBench) {
    // It cannot start from nothing: a cache of one token stands for depth 0.
    const int n_past = std::max(c.depth, 1);
    add({"-npp", number(n_past), "-ntg", number(c.n_tokens), "-npl", number(c.n_sequences), "-c",
         number((n_past + c.n_tokens) * c.n_sequences)});
  } else if (c.depth == 0) {
    add({"-o", "json", "-r", "2", "-p", number(c.is_prefill ? c.n_tokens : 0), "-n",
         number(c.is_prefill ? 0 : c.n_tokens)});
  } else if (peer.kind == PeerKind::kIkLlamaBench) {
    // Filling the cache, which takes long, is the warming here.
    add({"-o", "json", "-r", "1", "-p", "0", "-n", "0", "-gp",
         fmt::format("{},{}", c.depth, c.n_tokens)});
  } else {
    add({"-o", "json", "-r", "1", "-p", number(c.is_prefill ? c.n_tokens : 0), "-n",
         number(c.is_prefill ? 0 : c.n_tokens), "-d", number(c.depth)});
  }
  command.insert(command.end(), peer.more_args.begin(), peer.more_args.end());
  return command;
}

Result<double> parse_peer_output(const Peer& peer, const BenchCase& c, std::string_view out) {
  if (peer.kind == PeerKind::kLlamaBatchedBench) return parse_table(c, out);
  return parse_json(counts_of(peer, c), out);
}

Result<double> measure_peer(const Peer& peer, const BenchCase& c, const PeerRun& run,
                            const std::atomic<bool>* cancel) {
  TRY_LET(const os::ChildOutput ran, os::run_child(peer_command(peer, c, run), cancel));
  if (ran.exit_status != 0) {
    return io_error("{} failed with status {}: {}", peer.name(), ran.exit_status,
                    last_line(ran.err));
  }
  // The tables of llama-batched-bench are on either stream, by version.
  const bool is_table = peer.kind == PeerKind::kLlamaBatchedBench;
  return within(peer.name(), parse_peer_output(peer, c, is_table ? ran.out + ran.err : ran.out));
}

}  // namespace hearth::cli
