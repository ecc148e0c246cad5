// SPDX-License-Identifier: MIT
#include "engine/engine.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"
#include "base/units.h"
#include "os/memory.h"

namespace hearth::engine {

Sequence::Sequence(Sequence&& other) noexcept
    : engine_(std::exchange(other.engine_, nullptr)),
      table_(std::move(other.table_)),
      tokens_(std::move(other.tokens_)) {}

Sequence& Sequence::operator=(Sequence&& other) noexcept {
  if (this == &other) return *this;
  if (engine_ != nullptr) engine_->close(*this);
  engine_ = std::exchange(other.engine_, nullptr);
  table_ = std::move(other.table_);
  tokens_ = std::move(other.tokens_);
  return *this;
}

Sequence::~Sequence() {
  if (engine_ != nullptr) engine_->close(*this);
}

int Sequence::truncate(int n) {
  const int kept = engine_->cache_->truncate(table_, n);
  tokens_.resize(static_cast<size_t>(kept));
  return kept;
}

int64_t Engine::n_positions() const {
  if (options_.n_positions > 0) return options_.n_positions;
  const int n_full = options_.n_full > 0 ? options_.n_full : options_.n_sequences;
  return int64_t{n_ctx_} * std::min(n_full, options_.n_sequences);
}

// The user's context, or the model's own as far as half of the free memory holds its cache.
Status Engine::choose_context() {
  const int own = model_.hparams.P;
  if (options_.n_ctx < 0) return invalid("a context of {} tokens", options_.n_ctx);
  if (options_.n_ctx > 0) {
    n_ctx_ = options_.n_ctx;
    if (n_ctx_ > own) {
      warnings_.push_back(fmt::format(
          "the context of {} is longer than the {} that the model was trained for", n_ctx_, own));
    }
    return {};
  }
  n_ctx_ = own;
  if (options_.n_positions > 0) {
    n_ctx_ = static_cast<int>(std::min<int64_t>(own, options_.n_positions));
  }
  const int asked = n_ctx_;
  TRY_LET(const os::MemoryInfo memory, os::memory_info());
  const uint64_t available = memory.available_bytes;
  const auto needed = [&] {
    return engine::kv_bytes(kv_layout(model_.graph.cache_layers(), n_positions(),
                                      options_.n_sequences, options_.max_batch, options_.kv,
                                      options_.n_kept));
  };
  constexpr int kFloor = 4096;  // below this a chat is no use; rather let the allocation fail
  while (n_ctx_ > kFloor && needed() > available / 2) {
    n_ctx_ = std::max(kFloor, n_ctx_ / 2);
    if (options_.n_positions > 0) {
      options_.n_positions = std::max<int64_t>(n_ctx_, options_.n_positions / 2);
    }
  }
  if (n_ctx_ < asked) {
    warnings_.push_back(fmt::format(
        "context {} instead of the model's {}: its KV cache takes {} and {} of memory are free; "
        "-c sets it",
        n_ctx_, own, format_bytes(needed()), format_bytes(available)));
  }
  return {};
}

Result<std::unique_ptr<Engine>> Engine::make(const file::Gguf& file,
                                             std::unique_ptr<backend::Backend> backend,
                                             const EngineOptions& options) {
  auto engine = std::unique_ptr<Engine>(new Engine);
  engine->options_ = options;
  engine->backend_ = std::move(backend);
  EngineOptions& o = engine->options_;
  if (o.max_batch < 1 || o.n_sequences < 1 || o.n_kept < 0) {
    return invalid("a batch of {} tokens, {} sequences and {} kept", o.max_batch, o.n_sequences,
                   o.n_kept);
  }
  if (o.n_positions != 0 && o.n_positions < std::max(o.n_ctx, 1)) {
    return invalid("a cache of {} positions for a context of {}", o.n_positions, o.n_ctx);
  }
  TRY_LET(engine->model_, arch::build_model(file, o.n_ctx));
  const graph::Graph& graph = engine->model_.graph;
  engine->warnings_ = engine->model_.notes;
  TRY(engine->choose_context());
  if (o.max_outputs <= 0) o.max_outputs = o.n_sequences;
  o.max_batch = std::min(o.max_batch, std::max(engine->n_ctx_, o.n_sequences));
  if (engine->spec().encoder) {
    // Encoders see both ways, so a text is one batch.
    engine->n_ctx_ = std::min(engine->n_ctx_, engine->hparams().P);
    o.max_batch = std::max(o.max_batch, engine->n_ctx_);
    o.max_outputs = o.max_batch;
  }
  o.max_outputs = std::min(o.max_outputs, o.max_batch);
  const backend::Segment whole{0, static_cast<int>(graph.nodes().size())};
  TRY_LET(engine->program_,
          engine->backend_->compile(graph, whole, {o.max_batch, o.max_outputs, o.profile}));
  const backend::KvLayout layout = kv_layout(graph.cache_layers(), engine->n_positions(),
                                             o.n_sequences, o.max_batch, o.kv, o.n_kept);
  TRY_LET(engine->kv_, engine->backend_->make_kv(layout));
  engine->cache_ = std::make_unique<KvCache>(layout);
  for (const std::string& warning : engine->warnings_) log_info("{}", warning);
  return engine;
}

Result<Sequence> Engine::open_sequence() {
  if (n_open_ >= options_.n_sequences + options_.n_kept) {
    return over_limit("all {} sequences of the engine are in use",
                      options_.n_sequences + options_.n_kept);
  }
  ++n_open_;
  Sequence sequence(this);
  sequence.table_ = cache_->open(n_ctx_);
  sequence.tokens_.reserve(static_cast<size_t>(n_ctx_));
  return sequence;
}

Result<Sequence> Engine::fork(const Sequence& sequence) {
  TRY_LET(Sequence copy, open_sequence());
  copy.table_ = cache_->fork(sequence.table_, n_ctx_);
  copy.tokens_.insert(copy.tokens_.end(), sequence.tokens_.begin(), sequence.tokens_.end());
  return copy;
}

void Engine::close(Sequence& sequence) {
  cache_->close(sequence.table_);
  --n_open_;
}

bool Engine::reserve(std::span<const StepPart> parts) {
  for (const StepPart& part : parts) {
    const auto n = static_cast<int>(part.tokens.size());
    if (!cache_->reserve(part.sequence->table_, n, *kv_)) return false;
  }
  return true;
}

int Engine::n_pages_of(int group, int n_tokens) const {
  const auto pages_for = [](int n) {
    return n / backend::kPagePositions + (n % backend::kPagePositions != 0);
  };
  const int window = cache_->window(group);
  if (window == 0) return pages_for(n_tokens);
  return std::min(pages_for(n_tokens), pages_for(window + options_.max_batch) + 1);
}

int Engine::n_pages_held(int group, const Sequence& sequence) const {
  const SequenceTable& table = sequence.table_;
  const auto g = static_cast<size_t>(group);
  return static_cast<int>(table.pages[g].size()) - table.first_kept[g];
}

int Engine::n_pages_held(int group, std::span<const Sequence* const> sequences) const {
  std::vector<bool> seen(static_cast<size_t>(n_pages(group)));
  int n = 0;
  for (const Sequence* const sequence : sequences) {
    for (const int32_t page : sequence->table_.pages[static_cast<size_t>(group)]) {
      if (page < 0 || seen[static_cast<size_t>(page)]) continue;
      seen[static_cast<size_t>(page)] = true;
      ++n;
    }
  }
  return n;
}

Status Engine::check_parts(std::span<const StepPart> parts) const {
  size_t n_tokens = 0, n_outputs = 0;
  for (const StepPart& part : parts) {
    CHECK(part.sequence != nullptr && part.sequence->engine_ == this && !part.tokens.empty());
    n_tokens += part.tokens.size();
    n_outputs += static_cast<size_t>(result_count(part));
    const auto total = part.tokens.size() + static_cast<size_t>(part.sequence->n_tokens());
    if (total > static_cast<size_t>(n_ctx_)) {
      return with_hint(over_limit("{} tokens do not fit the context of {}", total, n_ctx_),
                       "use a longer context (-c) or a shorter text");
    }
    if (spec().encoder) CHECK(part.sequence->n_tokens() == 0);
    for (const int32_t token : part.tokens) {
      if (token < 0 || token >= hparams().V) {
        return invalid("token {} is outside of the vocabulary of {}", token, hparams().V);
      }
    }
    TRY(check_segments(part));
  }
  CHECK(n_tokens <= static_cast<size_t>(options_.max_batch));
  CHECK(n_outputs <= static_cast<size_t>(options_.max_outputs));
  return {};
}

Status Engine::check_segments(const StepPart& part) const {
  CHECK(part.segments.empty() || part.segments.size() == part.tokens.size());
  for (const int32_t segment : part.segments) {
    if (segment < 0 || segment >= std::max(hparams().Y, 1)) {
      return invalid("segment {} is not one of the model's {}", segment, hparams().Y);
    }
  }
  return {};
}

int Engine::result_count(const StepPart& part) {
  if (part.want == Want::kNothing) return 0;
  return part.want == Want::kAll ? static_cast<int>(part.tokens.size()) : 1;
}

Status Engine::add_part(const StepPart& part, int32_t i_sequence) {
  const auto n = static_cast<int>(part.tokens.size());
  SequenceTable& table = part.sequence->table_;
  if (!spec().encoder) TRY(cache_->reserve(table, n, *kv_));
  const int n_results = result_count(part);
  const int first_result = part.want == Want::kFirst ? 0 : n - n_results;
  for (int t = 0; t < n; ++t) {
    const bool is_wanted = t >= first_result && t < first_result + n_results;
    if (is_wanted) outputs_.push_back(static_cast<int32_t>(tokens_.size()));
    tokens_.push_back(part.tokens[static_cast<size_t>(t)]);
    segments_.push_back(part.segments.empty() ? 0 : part.segments[static_cast<size_t>(t)]);
    positions_.push_back(part.sequence->n_tokens() + t);
    i_sequence_.push_back(i_sequence);
  }
  auto& pages = pages_[static_cast<size_t>(i_sequence)].pages;
  pages.clear();
  for (const auto& group : table.pages) pages.emplace_back(group);
  return {};
}

Status Engine::step(std::span<const StepPart> parts, const std::atomic<bool>* cancel) {
  TRY(check_parts(parts));
  tokens_.clear();
  positions_.clear();
  i_sequence_.clear();
  segments_.clear();
  outputs_.clear();
  pages_.resize(parts.size());
  i_output_.resize(static_cast<size_t>(options_.max_outputs));
  int n_prompt = 0;
  for (const Role role : {Role::kPrompt, Role::kAnswer}) {  // prompts come first in a batch
    int i_result = 0;
    for (size_t i = 0; i < parts.size(); ++i) {
      const StepPart& part = parts[i];
      const int n_results = result_count(part);
      if (role_of(part) == role) {
        for (int r = 0; r < n_results; ++r) {
          i_output_[static_cast<size_t>(i_result + r)] = static_cast<int32_t>(outputs_.size()) + r;
        }
        TRY(add_part(part, static_cast<int32_t>(i)));
      }
      i_result += n_results;
    }
    if (role == Role::kPrompt) n_prompt = static_cast<int>(tokens_.size());
  }
  const backend::Batch batch{.tokens = tokens_,
                             .positions = positions_,
                             .i_sequence = i_sequence_,
                             .segments = segments_,
                             .outputs = outputs_,
                             .sequences = pages_,
                             .n_prompt = n_prompt,
                             .cancel = cancel};
  TRY(program_->run(batch, kv_.get()));
  if (spec().encoder) return {};
  for (const StepPart& part : parts) {
    cache_->commit(part.sequence->table_, static_cast<int>(part.tokens.size()));
    part.sequence->tokens_.insert(part.sequence->tokens_.end(), part.tokens.begin(),
                                  part.tokens.end());
  }
  return {};
}

std::span<const float> Engine::output(int i) {
  CHECK(i >= 0 && i < n_outputs());
  return program_->row(model_.graph.result(), i_output_[static_cast<size_t>(i)]);
}

}  // namespace hearth::engine
