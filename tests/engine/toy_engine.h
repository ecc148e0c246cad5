// SPDX-License-Identifier: MIT
// An engine over a toy model that lies in memory, and how the tests feed it.
#pragma once
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <memory>
#include <vector>

#include "engine/engine.h"
#include "tests/support/paths.h"
#include "tests/support/toy_cases.h"

namespace hearth::test {

struct EngineSetup {
  engine::EngineOptions options{.n_ctx = 256, .max_batch = 256, .max_outputs = 256};
  int n_threads = 1;
  bool reference = false;
  std::vector<double> speeds = {};  // of the threads, to begin with
};

class ToyEngine {
 public:
  static Result<ToyEngine> make(const ToyModel& toy, const EngineSetup& setup = {}) {
    ToyEngine made;
    TRY_LET(auto bytes, toy.bytes());
    made.bytes_ = std::make_unique<std::vector<uint8_t>>(std::move(bytes));
    TRY_LET(auto file, file::Gguf::parse(*made.bytes_));
    made.file_ = std::make_unique<file::Gguf>(std::move(file));
    std::unique_ptr<backend::Backend> backend = backend::make_ref_backend();
    if (!setup.reference) {
      TRY_LET(backend, backend::make_cpu_backend(setup.n_threads, setup.speeds));
    }
    TRY_LET(made.engine_, engine::Engine::make(*made.file_, std::move(backend), setup.options));
    return made;
  }
  static Result<ToyEngine> make(const ToyOptions& options, const EngineSetup& setup = {}) {
    TRY_LET(const ToyModel toy, make_toy_model(options));
    return make(toy, setup);
  }

  engine::Engine& operator*() const { return *engine_; }
  engine::Engine* operator->() const { return engine_.get(); }
  const file::Gguf& file() const { return *file_; }

 private:
  std::unique_ptr<std::vector<uint8_t>> bytes_;
  std::unique_ptr<file::Gguf> file_;
  std::unique_ptr<engine::Engine> engine_;
};

// Any tokens; another `salt` gives others.
inline std::vector<int32_t> some_tokens(int n, int n_vocab, int salt = 0) {
  std::vector<int32_t> list;
  for (int i = 0; i < n; ++i) list.push_back((i * i * 7 + i * 13 + 5 + salt * 31) % n_vocab);
  return list;
}

// Logits of rows, one after the other.
using Rows = std::vector<float>;

// Feeds tokens in chunks of `chunk`; appends the logits after each token.
inline Status feed(engine::Engine& engine, engine::Sequence& sequence,
                   std::span<const int32_t> tokens, int chunk, Rows& rows,
                   engine::Role role = engine::Role::kAnswer) {
  while (!tokens.empty()) {
    const size_t n = std::min(tokens.size(), static_cast<size_t>(chunk));
    const engine::StepPart part{&sequence, tokens.first(n), engine::Want::kAll, role};
    TRY(engine.step({&part, 1}));
    for (int i = 0; i < engine.n_outputs(); ++i) {
      const auto row = engine.output(i);
      rows.insert(rows.end(), row.begin(), row.end());
    }
    tokens = tokens.subspan(n);
  }
  return {};
}

// The logits after each of `tokens` in a sequence of its own.
inline Result<Rows> rows_of(engine::Engine& engine, std::span<const int32_t> tokens, int chunk,
                            engine::Role role = engine::Role::kAnswer) {
  TRY_LET(engine::Sequence sequence, engine.open_sequence());
  Rows rows;
  TRY(feed(engine, sequence, tokens, chunk, rows, role));
  return rows;
}

// The first row in which two lists of rows of `width` differ by a bit; -1 where they are the same.
inline int first_difference(const Rows& a, const Rows& b, int width) {
  if (a.size() != b.size()) return static_cast<int>(std::min(a.size(), b.size())) / width;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) return static_cast<int>(i) / width;
  }
  return -1;
}

inline bool has_window(const engine::Engine& engine) {
  for (const auto& layer : engine.graph().cache_layers()) {
    if (layer.window > 0) return true;
  }
  return false;
}

// Under ThreadSanitizer a step takes twenty times as long and one architecture locks like another.
#ifdef HEARTH_THREAD_SANITIZED
inline constexpr size_t kCaseStep = 8;
#else
inline constexpr size_t kCaseStep = 1;
#endif

// The decoders of tests/arch/toy_cases.txt (every kCaseStep-th), and some in quantized formats.
inline std::vector<ToyCase> decoder_cases() {
  auto all = toy_cases(source_dir() + "/tests/arch/toy_cases.txt");
  EXPECT_TRUE(all) << all.error().message;
  std::vector<ToyCase> cases;
  if (!all) return cases;
  for (size_t i = 0; i < all->size(); i += kCaseStep) {
    ToyCase& c = (*all)[i];
    if (!c.options.arch.ends_with("bert")) cases.push_back(std::move(c));
  }
  for (const char* const arch : {"llama", "gemma3", "qwen3moe"}) {
    for (const DType format : {DType::kQ8_0, DType::kQ4_1}) {
      ToyOptions options{.arch = arch, .format = format};
      options.set = {{"D", "64"}, {"K", "32"}, {"W", "32"}, {"R", "32"}};
      if (std::string_view(arch) == "qwen3moe") options.set.emplace_back("X", "64");
      cases.push_back({std::string(arch) + "_" + std::string(info(format).name), options});
    }
  }
  return cases;
}

}  // namespace hearth::test
