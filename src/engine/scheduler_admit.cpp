// SPDX-License-Identifier: MIT
// Who runs: places and pages, and who makes way for whom.
#include <algorithm>
#include <utility>

#include "base/check.h"
#include "engine/scheduler.h"

namespace hearth::engine {

namespace {

using namespace scheduling;

// Whether another answer of the request computes the prompt now.
bool prompt_is_coming(const Stream& stream) {
  if (stream.answer || stream.request->first_token_ms) return false;
  for (const auto& other : stream.request->streams) {
    if (other->sequence) return true;
  }
  return false;
}

}  // namespace

void Scheduler::admit() {
  while (Stream* const next = next_waiting()) {
    if (running_.size() >= n_places_ && !make_way(*next)) return;
    if (!fits(*next)) return;  // later ones do not overtake, or a long one would wait for ever
    start(*next);
  }
}

// The first of the owner who was served least. A request's other answers wait for its prompt, which
// is computed once.
scheduling::Stream* Scheduler::next_waiting() {
  Stream* best = nullptr;
  for (const auto& [name, owner] : owners_) {
    for (Stream* const stream : owner->waiting) {
      if (stream->request->paused || prompt_is_coming(*stream)) continue;
      if (best == nullptr || owner->n_computed < best->request->owner->n_computed ||
          (owner->n_computed == best->request->owner->n_computed && stream->order < best->order)) {
        best = stream;
      }
      break;
    }
  }
  return best;
}

// Frees a place: a paused answer's, or one of an owner with several for an owner with none.
bool Scheduler::make_way(const Stream& next) {
  if (put_back_paused()) return true;
  if (next.request->owner->n_running > 0) return false;
  Stream* const victim = newest_of_busiest(2);
  if (victim == nullptr) return false;
  put_back(*victim);
  return true;
}

// The newest answer of the owner who runs most, if those are `at_least`; never the oldest of all.
scheduling::Stream* Scheduler::newest_of_busiest(int at_least) {
  if (running_.empty()) return nullptr;
  const auto older = [](const Stream* a, const Stream* b) { return a->order < b->order; };
  const Stream* const oldest = *std::min_element(running_.begin(), running_.end(), older);
  Stream* victim = nullptr;
  for (Stream* const stream : running_) {
    const int n = stream->request->owner->n_running;
    if (stream == oldest || n < at_least) continue;
    if (victim != nullptr) {
      const int most = victim->request->owner->n_running;
      if (n < most || (n == most && stream->order < victim->order)) continue;
    }
    victim = stream;
  }
  return victim;
}

// Whether the pages of all that runs and of this one suffice, each grown to what is known of it and
// by a token. What only cached prefixes hold counts as free.
bool Scheduler::fits(const Stream& stream) const {
  if (running_.empty()) return true;
  std::vector<const Sequence*> sequences;
  for (const Stream* const other : running_) sequences.push_back(&*other->sequence);
  const int n_known = std::max(stream.n_known(), stream.request->n_prompt());
  for (int g = 0; g < engine_.n_page_groups(); ++g) {
    int64_t needed = engine_.n_pages_held(g, sequences) + engine_.n_pages_of(g, n_known + 1);
    for (const Stream* const other : running_) {
      needed += std::max(0, engine_.n_pages_of(g, other->n_known() + 1) -
                                engine_.n_pages_held(g, *other->sequence));
    }
    if (needed > engine_.n_pages(g)) return false;
  }
  return true;
}

void Scheduler::start(Stream& stream) {
  Request& request = *stream.request;
  if (!stream.answer) {
    if (const Status made = make_answer(stream); !made) return fail(request, made.error());
  }
  // The last token is always computed: its logits are wanted. What is kept was computed as a
  // prompt, so it stands for the prompt alone, unless both are computed alike.
  int limit = engine_.deterministic() ? stream.n_known() - 1
                                      : std::min(request.n_prompt(), stream.n_known() - 1);
  if (stream.answer->tokens().empty() && request.asked.prompt_logprobs) limit = 0;
  std::optional<Sequence> sequence = cache_.find(request.owner->name, stream.tokens, limit);
  if (!sequence) {
    auto opened = engine_.open_sequence();
    if (!opened) return fail(request, opened.error());
    sequence.emplace(std::move(*opened));
  }
  const int n_cached = sequence->n_tokens();
  run_with(stream, std::move(*sequence));
  if (request.started_ms) return;
  request.started_ms = now_ms();
  request.usage.n_cached = n_cached;
  request.usage.queued_ms = *request.started_ms - request.submitted_ms;
  request.sink->on_started(request.n_prompt(), n_cached);
}

void Scheduler::run_with(Stream& stream, Sequence sequence) {
  stream.sequence.emplace(std::move(sequence));
  std::erase(stream.request->owner->waiting, &stream);
  ++stream.request->owner->n_running;
  running_.push_back(&stream);
}

void Scheduler::stop_running(Stream& stream) {
  stream.sequence.reset();
  --stream.request->owner->n_running;
  std::erase(running_, &stream);
}

void Scheduler::put_back(Stream& stream) {
  stop_running(stream);
  std::vector<Stream*>& waiting = stream.request->owner->waiting;
  const auto at =
      std::lower_bound(waiting.begin(), waiting.end(), &stream,
                       [](const Stream* a, const Stream* b) { return a->order < b->order; });
  waiting.insert(at, &stream);
  ++stream.request->usage.n_put_back;
  ++figures_.n_put_back;
}

bool Scheduler::put_back_paused() {
  const auto at = std::find_if(running_.begin(), running_.end(),
                               [](const Stream* stream) { return stream->request->paused; });
  if (at == running_.end()) return false;
  put_back(**at);
  return true;
}

// Frees pages for the step that was planned. False where nobody can make way.
bool Scheduler::make_room() {
  if (cache_.drop_oldest() || put_back_paused()) return true;
  Stream* const victim = newest_of_busiest(1);
  if (victim == nullptr) return false;
  put_back(*victim);
  return true;
}

}  // namespace hearth::engine
