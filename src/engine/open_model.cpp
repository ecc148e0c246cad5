// SPDX-License-Identifier: MIT
#include "engine/open_model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/quote.h"
#include "engine/job_runner.h"
#include "file/gguf.h"
#include "file/model_facts.h"
#include "tensor/dtype.h"

namespace hearth::engine {
namespace {

using Json = nlohmann::ordered_json;

// Beginnings of prompts that are kept. Their pages are taken back when they are needed; only layers
// with windows have pages for them that nobody else uses.
constexpr int kKeptSequences = 12;
// Answers have one pool of pages, enough for two of them to fill the context together. Many are
// written side by side because most are short; where pages run out, the scheduler puts back.
constexpr int kFullSequences = 2;
// Rows of logits beside one per answer: log-probabilities of echoed prompts, tokens guessed ahead.
constexpr int kMoreOutputs = 16;

Result<DType> cache_type(const std::string& name) {
  constexpr std::array kTypes = {DType::kF32,  DType::kF16,  DType::kBF16,
                                 DType::kQ8_0, DType::kQ5_1, DType::kQ4_0};
  for (const DType type : kTypes) {
    if (info(type).name == name) return type;
  }
  return with_hint(invalid("a cache of {} cannot be", quote(name)),
                   "it can be f32, f16, bf16, q8_0, q5_1 or q4_0");
}

// Everything that a loaded model is made of, in the order in which it is borrowed.
struct Model {
  std::unique_ptr<file::Gguf> file;
  std::unique_ptr<Engine> engine;
  std::unique_ptr<text::Tokenizer> tokenizer;
};

Json facts_of(const Model& model, const JobPrompts& prompts) {
  const text::Tokenizer& tokenizer = *model.tokenizer;
  const text::SpecialIds& ids = tokenizer.special();
  const auto text_of = [&](text::TokenId id) {
    return tokenizer.contains(id) ? Json(std::string(tokenizer.token_text(id))) : Json("");
  };
  const std::string_view source = file::facts_of(*model.file).chat_template;
  const text::ChatTemplateFacts facts = prompts.facts().value_or(text::ChatTemplateFacts{});
  return {{"chat_template", source.empty() ? Json() : Json(source)},
          {"tools", facts.uses_tools},
          {"thinking_switch", facts.thinking_switch},
          {"refuses_system", facts.refuses_system},
          {"fill_in", tokenizer.contains(ids.fim_prefix) && tokenizer.contains(ids.fim_suffix) &&
                          tokenizer.contains(ids.fim_middle)},
          {"bos_token", text_of(ids.bos)},
          {"eos_token", text_of(ids.eos)},
          {"n_ctx_train", model.engine->hparams().P},
          {"n_embd", model.engine->hparams().D}};
}

class OwningRunner final : public JobSource {
 public:
  OwningRunner(Model model, EventSink sink)
      : model_(std::move(model)),
        runner_(*model_.engine, *model_.tokenizer, file::facts_of(*model_.file).chat_template,
                std::move(sink)) {}

  void submit(Job job) override { runner_.submit(std::move(job)); }
  void cancel(uint64_t id) override { runner_.cancel(id); }
  void interrupt(uint64_t id) override { runner_.cancel(id); }  // which any thread may call
  void park(uint64_t id, bool parked) override { runner_.park(id, parked); }
  bool step() override { return runner_.step(); }
  bool idle() const override { return runner_.idle(); }
  Json stats() const override { return runner_.stats(); }
  Json facts() const { return facts_of(model_, runner_.prompts()); }

 private:
  Model model_;
  JobRunner runner_;
};

Result<Model> make_model(const Load& load) {
  Model model;
  TRY_LET(file::Gguf file, file::Gguf::open(load.file));
  model.file = std::make_unique<file::Gguf>(std::move(file));
  EngineOptions options{.n_ctx = load.n_ctx,
                        .n_sequences = load.n_sequences,
                        .n_kept = kKeptSequences,
                        .n_full = kFullSequences,
                        .max_batch = load.max_batch,
                        .max_outputs = load.n_sequences + kMoreOutputs,
                        .deterministic = load.deterministic};
  TRY_LET(options.kv.k, cache_type(load.cache_k));
  TRY_LET(options.kv.v, cache_type(load.cache_v));
  std::unique_ptr<backend::Backend> backend = backend::make_ref_backend();
  if (!load.reference) {
    TRY_LET(backend, backend::make_cpu_backend(load.n_threads));
  }
  TRY_LET(model.engine, Engine::make(*model.file, std::move(backend), options));
  TRY_LET(model.tokenizer, text::Tokenizer::make(model.file->metadata()));
  if (model.tokenizer->n_vocab() != static_cast<size_t>(model.engine->hparams().V)) {
    return corrupt("the model computes {} tokens, its vocabulary has {}", model.engine->hparams().V,
                   model.tokenizer->n_vocab());
  }
  return model;
}

}  // namespace

Result<OpenModel> open_model(const Load& load, EventSink sink) {
  TRY_LET(Model model, within(load.name, make_model(load)));
  const Engine& engine = *model.engine;
  OpenModel opened;
  Loaded& loaded = opened.loaded;
  loaded.arch = engine.spec().name;
  loaded.backend = engine.backend_name();
  loaded.n_ctx = engine.n_ctx();
  loaded.n_sequences = engine.n_sequences();
  loaded.n_vocab = engine.hparams().V;
  loaded.encoder = engine.spec().encoder;
  loaded.file_bytes = model.file->file_bytes();
  loaded.kv_bytes = engine.kv_bytes();
  loaded.scratch_bytes = engine.scratch_bytes();
  loaded.warnings.assign(engine.warnings().begin(), engine.warnings().end());
  loaded.warnings.insert(loaded.warnings.end(), model.tokenizer->warnings().begin(),
                         model.tokenizer->warnings().end());
  auto runner = std::make_unique<OwningRunner>(std::move(model), std::move(sink));
  loaded.model = runner->facts();
  opened.jobs = std::move(runner);
  return opened;
}

}  // namespace hearth::engine
