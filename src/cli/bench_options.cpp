// SPDX-License-Identifier: MIT
#include "cli/bench_options.h"

#include <algorithm>
#include <sstream>

#include "cli/options.h"
#include "cli/verb.h"

namespace hearth::cli {
namespace {

// Far beyond any context; products of two of them fit into 64 bits.
constexpr int kMostTokens = 1 << 24;
constexpr int kMostSequences = 1024;
constexpr size_t kMostCases = 1000;

Status check_list(const std::vector<int>& list, int least, int most, std::string_view what) {
  for (const int value : list) {
    if (value < least || value > most) return invalid("{} {}", what, value);
  }
  return {};
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> words;
  for (std::string word; in >> word;) words.push_back(word);
  return words;
}

}  // namespace

std::string BenchCase::text() const {
  std::string text = fmt::format("{} {}", is_prefill ? "prefill" : "decode", n_tokens);
  if (depth > 0) text += fmt::format(" at depth {}", depth);
  if (n_sequences > 1) text += fmt::format(", {} sequences", n_sequences);
  return text;
}

void BenchOptions::add_options(CLI::App& app) {
  const auto add_list = [&app](const char* name, std::vector<int>& list, const char* words) {
    add_option(app, name, list, words).commas_separate().shows_default();
  };
  add_model_argument(app, model);
  add_list("-p,--prompt", prompts, "Tokens of the prompt, a list: 32,128,512; 0: no prefill");
  add_option(app, "-n,--predict", n_predict, "Tokens to write; 0: no decode").shows_default();
  add_list("--depth", depths, "Tokens in the cache before either begins, a list");
  add_list("--batch", batches, "Sequences that write together, a list: 1,2,4,8");
  add_option(app, "--reps", n_reps, "Repetitions").shows_default();
  add_flag(app, "--profile", profile, "Show where the time goes, by kind of step");
  add_flag(app, "--no-limits", no_limits, "Do not measure the machine's limits before and after");
  add_option(app, "--buffer", buffer_mib, "MiB of memory to read for the limit (0: by the caches)")
      .within(0, 1 << 20);
  add_option(app, "--against", against,
             "A peer to run alternately on the same file, KIND=PATH: llama-bench, "
             "ik-llama-bench, llama-batched-bench (for --batch); may be given several times");
  add_option(app, "--peer-args", peer_args, "More arguments for the peers, separated by spaces");
  add_flag(app, "--busy-ok", busy_ok, "Compare although other programs keep the machine busy");
  engine.add_options(app, "-b,--batch-size");
}

Status BenchOptions::check() {
  TRY(check_list(prompts, 0, kMostTokens, "a prompt of"));
  TRY(check_list(depths, 0, kMostTokens, "a depth of"));
  TRY(check_list(batches, 1, kMostSequences, "sequences:"));
  TRY(check_list({n_predict}, 0, kMostTokens, "tokens to write:"));
  TRY(check_list({n_reps}, 1, 1000, "repetitions:"));
  cases.clear();
  for (const int depth : depths) {
    for (const int n : prompts) {
      if (n > 0) cases.push_back({.is_prefill = true, .n_tokens = n, .depth = depth});
    }
    for (const int n : batches) {
      if (n_predict > 0) {
        cases.push_back({.n_tokens = n_predict, .depth = depth, .n_sequences = n});
      }
    }
  }
  if (cases.empty()) return invalid("-p 0 and -n 0: nothing to measure");
  if (cases.size() > kMostCases) return invalid("{} figures to measure", cases.size());
  peers.clear();
  for (const std::string& text : against) {
    TRY_LET(Peer peer, parse_peer(text));
    peer.more_args = words_of(peer_args);
    peers.push_back(std::move(peer));
  }
  return engine.check();
}

}  // namespace hearth::cli
