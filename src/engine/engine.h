// SPDX-License-Identifier: MIT
// Runs a model: holds the compiled program and the KV cache, and takes steps over any mix of
// sequences. What a step costs and gives depends on its rows only; who asks for them is the
// scheduler's business (generate.h for one sequence, the server for many).
// Thread rule: one thread at a time.
#pragma once
#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "arch/model_graph.h"
#include "backend/backend.h"
#include "base/result.h"
#include "engine/kv_cache.h"
#include "file/gguf.h"

namespace hearth::engine {

struct EngineOptions {
  int n_ctx = 0;        // context of one sequence; 0: the model's own, as far as memory goes
  int n_sequences = 1;  // how many may be written to together
  int n_kept = 0;       // how many more may be open, to share their past with later ones
  // Positions that all sequences together may hold; 0: n_ctx for each of n_full. Never less than
  // n_ctx.
  int64_t n_positions = 0;
  int n_full = 0;       // sequences that may fill their context at the same time; 0: all
  int max_batch = 512;  // tokens of one step; longer prompts are cut into chunks
  int max_outputs = 0;  // rows of logits of one step; 0: n_sequences
  // Prompts are computed as answers are: the same tokens however a text is divided between the two,
  // at the price of prefill (docs/performance.md).
  bool deterministic = false;
  backend::KvFormat kv;
  bool profile = false;  // time every step of the program: see Engine::profile
};

class Engine;

// A sequence of tokens and its place in the cache. Gives its pages back when destroyed; must not
// outlive its engine.
class Sequence {
 public:
  Sequence(Sequence&& other) noexcept;
  Sequence& operator=(Sequence&& other) noexcept;
  Sequence(const Sequence&) = delete;
  Sequence& operator=(const Sequence&) = delete;
  ~Sequence();

  // The tokens whose keys and values are in the cache, in order.
  std::span<const int32_t> tokens() const { return tokens_; }
  int n_tokens() const { return static_cast<int>(tokens_.size()); }

  // Keeps the first n tokens, or none where a sliding window has given their pages back already;
  // answers how many are kept.
  int truncate(int n);

 private:
  friend class Engine;
  explicit Sequence(Engine* engine) : engine_(engine) {}
  Engine* engine_ = nullptr;
  SequenceTable table_;
  std::vector<int32_t> tokens_;
};

// Of which of a sequence's new tokens the results.
enum class Want { kNothing, kFirst, kLast, kAll };
// What new tokens are: written one by one, or a prompt, whose products may be quicker and less
// exact (backend::Batch). A token's results depend on its own role and past alone.
enum class Role { kAnswer, kPrompt };

// New tokens of one sequence in a step.
struct StepPart {
  Sequence* sequence = nullptr;
  std::span<const int32_t> tokens;
  Want want = Want::kLast;
  Role role = Role::kAnswer;
  std::span<const int32_t> segments = {};  // one per token, below HParams::Y; empty: all 0
};

class Engine {
 public:
  // The file must outlive the engine. Errors: the model does not fit, an option is out of range.
  static Result<std::unique_ptr<Engine>> make(const file::Gguf& file,
                                              std::unique_ptr<backend::Backend> backend,
                                              const EngineOptions& options);

  // Errors: more sequences than the engine was made for.
  Result<Sequence> open_sequence();
  // A second sequence with the same past, sharing its pages.
  Result<Sequence> fork(const Sequence& sequence);
  // Whether Sequence::truncate would keep n tokens.
  bool can_truncate(const Sequence& sequence, int n) const {
    return cache_->can_truncate(sequence.table_, n);
  }

  // Takes the pages that a step of these parts needs; false where some are missing (what was taken
  // stays with the sequences). A step of the same parts then finds room.
  bool reserve(std::span<const StepPart> parts);
  // Pages of the cache, by group (layers with the same window).
  int n_page_groups() const { return cache_->n_groups(); }
  int n_pages(int group) const { return cache_->n_pages(group); }
  int n_free_pages(int group) const { return cache_->n_free(group); }
  // How many a sequence of n tokens holds at most.
  int n_pages_of(int group, int n_tokens) const;
  // How many these sequences hold now: each on its own, and together, shared ones counted once.
  int n_pages_held(int group, const Sequence& sequence) const;
  int n_pages_held(int group, std::span<const Sequence* const> sequences) const;

  // One step: all parts together, at most max_batch tokens and max_outputs results. Afterwards the
  // tokens belong to their sequences. On error (cancelled, cache full) no sequence has changed.
  Status step(std::span<const StepPart> parts, const std::atomic<bool>* cancel = nullptr);
  // Result i of the last step, in the order of parts and tokens: logits [V] (of encoders hidden
  // states [D], of rerankers a score [1]). Valid until the next step.
  std::span<const float> output(int i);
  int n_outputs() const { return static_cast<int>(outputs_.size()); }

  const arch::HParams& hparams() const { return model_.hparams; }
  const arch::ArchSpec& spec() const { return *model_.spec; }
  arch::RankHead rank_head() const { return model_.rank_head; }
  const graph::Graph& graph() const { return model_.graph; }
  int n_ctx() const { return n_ctx_; }
  int n_sequences() const { return options_.n_sequences; }
  int n_kept() const { return options_.n_kept; }
  bool deterministic() const { return options_.deterministic; }
  int max_batch() const { return options_.max_batch; }
  int max_outputs() const { return options_.max_outputs; }
  std::string backend_name() const { return backend_->name(); }
  uint64_t kv_bytes() const { return kv_ ? kv_->bytes() : 0; }
  uint64_t scratch_bytes() const { return program_->scratch_bytes(); }
  // What the steps of the program took since the last reset; empty unless the options ask for it.
  std::vector<backend::StepProfile> profile() const { return program_->profile(); }
  void reset_profile() { program_->reset_profile(); }
  // What was decided for the user ("context 8192 instead of 131072: …"), one line each.
  std::span<const std::string> warnings() const { return warnings_; }

 private:
  friend class Sequence;
  Engine() = default;
  Status choose_context();
  int64_t n_positions() const;
  Status check_parts(std::span<const StepPart> parts) const;
  Status check_segments(const StepPart& part) const;
  static int result_count(const StepPart& part);
  Role role_of(const StepPart& part) const {
    return options_.deterministic ? Role::kAnswer : part.role;
  }
  Status add_part(const StepPart& part, int32_t i_sequence);
  void close(Sequence& sequence);

  EngineOptions options_;
  int n_ctx_ = 0;
  std::unique_ptr<backend::Backend> backend_;
  arch::ModelGraph model_;
  std::unique_ptr<backend::Program> program_;
  std::unique_ptr<backend::KvStore> kv_;
  std::unique_ptr<KvCache> cache_;
  int n_open_ = 0;
  std::vector<std::string> warnings_;
  // The batch of the present step; kept so that nothing is allocated per token.
  std::vector<int32_t> tokens_, positions_, i_sequence_, segments_, outputs_;
  std::vector<backend::SequencePages> pages_;
  std::vector<int32_t> i_output_;  // results in the order of parts -> rows of the program's result
};

}  // namespace hearth::engine
