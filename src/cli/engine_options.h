// SPDX-License-Identifier: MIT
// The options that every verb with an engine shares (-c, -t, -ctk, …), and the way from a MODEL
// argument to an engine.
#pragma once
#include <filesystem>
#include <memory>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "file/gguf.h"

namespace CLI {
class App;
}

namespace hearth::cli {

// What an engine is made with.
struct EngineSetup {
  engine::EngineOptions options;
  int n_threads = 0;       // 0: one per physical core
  bool reference = false;  // the slow exact executor instead of the CPU's kernels
};

struct EngineFlags {
  int n_ctx = 0;
  int n_threads = 0;
  int batch = 512;
  std::string cache_k = "f16";
  std::string cache_v = "f16";
  bool reference = false;      // the slow exact executor instead of the CPU's kernels
  bool deterministic = false;  // see engine::EngineOptions

  // `batch_name`: what the option for the tokens of a step is called.
  void add_options(CLI::App& app, const char* batch_name = "-b,--batch");
  // Errors: a cache format or number that cannot be.
  Status check() const;
  // max_outputs: rows of logits of one step (0: one per sequence).
  Result<EngineSetup> setup(int max_outputs = 0) const;
};

// A model file that is open, and its engine. The file outlives the engine.
struct LoadedModel {
  std::string name;
  std::filesystem::path path;  // of the file, or of the first of a split model's
  std::unique_ptr<file::Gguf> file;
  std::unique_ptr<engine::Engine> engine;
  double load_ms = 0.0;
};

// Opens MODEL's file: a name in the store or a path.
Result<LoadedModel> open_model(const std::string& model);
// Gives an open model its engine; one that it had goes first.
Status make_engine(LoadedModel& loaded, const EngineSetup& setup);
// Opens the file and makes the engine.
Result<LoadedModel> load_model(const std::string& model, const EngineSetup& setup);

}  // namespace hearth::cli
