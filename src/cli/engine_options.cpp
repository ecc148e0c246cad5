// SPDX-License-Identifier: MIT
#include "cli/engine_options.h"

#include "backend/backend.h"
#include "base/clock.h"
#include "cli/options.h"
#include "cli/run_options.h"
#include "hub/store.h"

namespace hearth::cli {

void EngineFlags::add_options(CLI::App& app, const char* batch_name) {
  add_option(app, "-c,--ctx,--ctx-size", n_ctx,
             "Context in tokens; 0: the model's own, as far as memory goes")
      .shows_default();
  add_option(app, "-t,--threads", n_threads, "Threads; 0: one per physical core").shows_default();
  add_option(app, batch_name, batch, "Most tokens of one step").shows_default();
  add_option(app, "--cache-type-k,--ctk", cache_k,
             "Format of the cache's keys: f32, f16, bf16, q8_0, q5_1, q4_0")
      .shows_default();
  add_option(app, "--cache-type-v,--ctv", cache_v, "Format of the cache's values").shows_default();
  add_flag(app, "--reference", reference,
           "Run the slow exact reference instead of the kernels (to check answers)");
  add_flag(app, "--deterministic", deterministic,
           "Compute prompts as exactly as answers: the same tokens also where part of a prompt was "
           "an answer before; prefill takes about one and a half times as long");
}

Status EngineFlags::check() const {
  TRY(parse_cache_type(cache_k));
  TRY(parse_cache_type(cache_v));
  if (n_ctx < 0) return invalid("a context of {} tokens", n_ctx);
  if (n_threads < 0 || n_threads > 1024) return invalid("{} threads", n_threads);
  if (batch < 1 || batch > 65536) return invalid("a batch of {} tokens", batch);
  return {};
}

Result<LoadedModel> open_model(const std::string& model) {
  LoadedModel loaded;
  TRY_LET(const hub::Store store, hub::Store::of_user());
  TRY_LET(const hub::ResolvedModel resolved, store.resolve(model));
  loaded.name = resolved.name;
  loaded.path = resolved.file;
  TRY_LET(file::Gguf file, file::Gguf::open(resolved.file));
  loaded.file = std::make_unique<file::Gguf>(std::move(file));
  return loaded;
}

Status make_engine(LoadedModel& loaded, const EngineSetup& setup) {
  loaded.engine.reset();
  std::unique_ptr<backend::Backend> backend;
  if (setup.reference) {
    backend = backend::make_ref_backend();
  } else {
    TRY_LET(backend, backend::make_cpu_backend(setup.n_threads));
  }
  auto engine = engine::Engine::make(*loaded.file, std::move(backend), setup.options);
  if (!engine) return Failure(within(loaded.name, std::move(engine).error()));
  loaded.engine = std::move(*engine);
  return {};
}

Result<LoadedModel> load_model(const std::string& model, const EngineSetup& setup) {
  const Stopwatch watch;
  TRY_LET(LoadedModel loaded, open_model(model));
  TRY(make_engine(loaded, setup));
  loaded.load_ms = watch.elapsed_ms();
  return loaded;
}

Result<EngineSetup> EngineFlags::setup(int max_outputs) const {
  EngineSetup setup{.options = {.n_ctx = n_ctx,
                                .max_batch = batch,
                                .max_outputs = max_outputs,
                                .deterministic = deterministic},
                    .n_threads = n_threads,
                    .reference = reference};
  TRY_LET(setup.options.kv.k, parse_cache_type(cache_k));
  TRY_LET(setup.options.kv.v, parse_cache_type(cache_v));
  return setup;
}

}  // namespace hearth::cli
