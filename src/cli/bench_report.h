// SPDX-License-Identifier: MIT
// The result of hearth bench as words and as JSON.
#pragma once
#include <nlohmann/json_fwd.hpp>

#include "cli/bench_result.h"
#include "cli/output.h"

namespace hearth::cli {

void show_bench(Output& out, const BenchOptions& options, const BenchResult& result);

// {"prefill_tps", "decode_tps", "read_fraction", "int8_fraction", "peer": {…, "ratio"}} of the
// first prefill and the first decode case, "cases" with all of them, and the circumstances.
nlohmann::json bench_json(const BenchOptions& options, const BenchResult& result);

}  // namespace hearth::cli
