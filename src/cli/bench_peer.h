// SPDX-License-Identifier: MIT
// Other engines' benchmark programs: how they are called for a case, and what they answer.
// Sources: the help pages of llama-bench and llama-batched-bench of llama.cpp and ik_llama.cpp.
#pragma once
#include <atomic>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::cli {

struct BenchCase;

enum class PeerKind {
  kLlamaBench,
  kIkLlamaBench,       // has no depth but for decode, and calls it otherwise
  kLlamaBatchedBench,  // several sequences
};

struct Peer {
  PeerKind kind = PeerKind::kLlamaBench;
  std::string path;
  std::vector<std::string> more_args;

  std::string_view name() const;
};

// What a peer runs with: the same as hearth.
struct PeerRun {
  std::string model_path;
  int n_threads = 1;
  std::string cache_k, cache_v;  // "f16"
};

// "llama-bench=PATH". Errors: no such kind.
Result<Peer> parse_peer(const std::string& text);

// Whether this program can measure this case.
bool can_measure(const Peer& peer, const BenchCase& bench_case);

// The command line for a case that it can measure.
std::vector<std::string> peer_command(const Peer& peer, const BenchCase& bench_case,
                                      const PeerRun& run);

// Tokens per second from what the program wrote. Errors: it is not what this kind writes.
Result<double> parse_peer_output(const Peer& peer, const BenchCase& bench_case,
                                 std::string_view out);

// Runs the peer once. Errors: it cannot be run, failed, or wrote something else.
Result<double> measure_peer(const Peer& peer, const BenchCase& bench_case, const PeerRun& run,
                            const std::atomic<bool>* cancel);

}  // namespace hearth::cli
