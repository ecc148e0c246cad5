// SPDX-License-Identifier: MIT
// What hearth bench shall measure: the options, and the list of cases that follows from them.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/bench_peer.h"
#include "cli/engine_options.h"

namespace CLI {
class App;
}

namespace hearth::cli {

// One figure to measure.
struct BenchCase {
  bool is_prefill = false;
  int n_tokens = 0;     // of the prompt, or that each sequence writes
  int depth = 0;        // tokens in each sequence's cache before
  int n_sequences = 1;  // that write together; 1 for prefill

  // "prefill 512", "decode 128 at depth 4096, 8 sequences".
  std::string text() const;
  bool operator==(const BenchCase&) const = default;
};

struct BenchOptions {
  std::string model;
  std::vector<int> prompts{512};
  std::vector<int> depths{0};
  std::vector<int> batches{1};
  int n_predict = 128;
  int n_reps = 5;
  bool profile = false;
  bool no_limits = false;
  bool busy_ok = false;
  uint64_t buffer_mib = 0;           // for the read limit; 0: four times the last cache
  std::vector<std::string> against;  // KIND=PATH
  std::string peer_args;             // separated by spaces
  EngineFlags engine;

  void add_options(CLI::App& app);
  // Errors: numbers that cannot be, an unknown kind of peer.
  Status check();

  // By depth, prefill before decode; filled by check().
  std::vector<BenchCase> cases;
  std::vector<Peer> peers;
};

}  // namespace hearth::cli
