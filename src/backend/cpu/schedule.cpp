// SPDX-License-Identifier: MIT
// Phases: a step that reads what other threads write waits for them, and a barrier ends the phase.
// It need not wait for what its own thread wrote: rows of the same division, columns of the same
// division (for_values waits where others took pieces of them), anything in its own memory.
#include "backend/cpu/schedule.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "base/check.h"
#include "graph/memory_plan.h"

namespace hearth::cpu {

using graph::kNone;

Place Drafts::place(BufferId id) const {
  if (id == kNone) return {};
  int64_t offset = 0;
  for (BufferId at = id; at != kNone; at = buffer(at).parent) {
    offset += buffer(at).parent == kNone ? buffer(at).offset : buffer(at).parent_offset;
  }
  const Buffer& b = buffer(id);
  return {offset, b.row_bytes, b.width, b.rows, b.times, buffer(root(id)).own};
}

namespace {

class Scheduler {
 public:
  Scheduler(Drafts& drafts, Plan plan) : d_(drafts), plan_(plan) {}

  void run() {
    for (Draft& step : d_.steps) add(step);
    n_phases_ = phase_ + 1;
    place_imports();
    place_others(false, n_phases_, [](const Draft& step, int) { return step.phase; });
    place_others(true, static_cast<int>(d_.steps.size()), [](const Draft&, int i) { return i; });
  }

  int64_t arena_bytes() const { return arena_bytes_; }
  int64_t own_bytes() const { return own_bytes_; }

 private:
  // How the threads divided what was written, so that an equal division may go on at once.
  struct Division {
    By by = By::kOther;
    graph::Rows rows = graph::Rows::kTokens;
    int times = 1;
    int width = 0;
    bool operator==(const Division&) const = default;
  };

  Buffer& buffer(BufferId id) { return d_.buffers[static_cast<size_t>(id)]; }

  Division rows_division(const Draft& step) {
    const Buffer& out = buffer(step.writes.front());
    return {By::kRows, out.rows, out.times, 0};
  }
  Division columns_division(const Draft& step) {
    return {By::kColumns, graph::Rows::kTokens, 1, buffer(step.writes.front()).width};
  }

  // Whether a step that is divided in this way reads or overwrites what others are working on.
  bool must_wait(const Draft& step, const Division& division) {
    const bool goes_on = step.by != By::kColumns && division.by != By::kOther;
    const auto unfinished = [&](BufferId id) {
      const auto at = written_.find(d_.root(id));
      if (at == written_.end()) return false;
      if (!goes_on || at->second != division) return true;
      return division.by == By::kColumns && buffer(id).parent != kNone;  // other columns
    };
    const auto in_use = [&](BufferId id) { return read_.contains(d_.root(id)); };
    return std::any_of(step.reads.begin(), step.reads.end(), unfinished) ||
           std::any_of(step.writes.begin(), step.writes.end(), in_use);
  }

  bool reads_unfinished(const Draft& step) {
    return std::any_of(step.reads.begin(), step.reads.end(),
                       [&](BufferId id) { return written_.contains(d_.root(id)); });
  }

  void add(Draft& step) {
    Division division;
    bool replicated = false;
    if (step.by == By::kColumns) {
      division = columns_division(step);
    } else if (plan_ == Plan::kMany) {
      if (step.by == By::kRows || step.by == By::kValues) division = rows_division(step);
    } else if (step.by != By::kOther) {
      // Going on with the columns of a product saves the wait for it; then others must wait for
      // the result, so it does not pay where nothing is unfinished.
      const Division columns = columns_division(step);
      if (step.by == By::kValues && reads_unfinished(step) && !must_wait(step, columns)) {
        division = columns;
        step.share = Share::kColumns;
      } else {
        replicated = true;
      }
    }
    if (must_wait(step, division)) {
      ++phase_;
      written_.clear();
      read_.clear();
    }
    step.phase = phase_;
    for (const BufferId id : step.reads) {
      if (!buffer(d_.root(id)).own) read_.insert(d_.root(id));
    }
    for (const BufferId id : step.writes) {
      if (replicated) {
        buffer(d_.root(id)).own = true;
        continue;
      }
      CHECK(!buffer(d_.root(id)).own);
      // Written in two ways within a phase: nobody may go on with either.
      const auto [at, added] = written_.emplace(d_.root(id), division);
      if (!added && at->second != division) at->second = {};
    }
  }

  int64_t bytes_of(const Buffer& b) const { return b.row_bytes * b.max_rows; }

  void place_imports() {
    for (Buffer& b : d_.buffers) {
      if (!b.imported || b.parent != kNone) continue;
      b.offset = arena_bytes_;
      arena_bytes_ +=
          (bytes_of(b) + graph::kPlaceAlign - 1) / graph::kPlaceAlign * graph::kPlaceAlign;
    }
  }

  // Places the buffers of the threads' own memory, or the others; time(step, index) is the unit in
  // which they live: threads differ by up to a phase, one thread works step by step.
  template <class Time>
  void place_others(bool own, int end, const Time& time) {
    std::map<BufferId, graph::Life> lives;
    const auto live = [&](BufferId id, int at) {
      const BufferId root = d_.root(id);
      const Buffer& b = buffer(root);
      if (b.own != own || b.imported) return;
      const auto life = lives.emplace(root, graph::Life{at, at, bytes_of(b)}).first;
      life->second.first = std::min(life->second.first, at);
      life->second.last = std::max(life->second.last, at);
    };
    for (size_t i = 0; i < d_.steps.size(); ++i) {
      const Draft& step = d_.steps[i];
      const int at = time(step, static_cast<int>(i));
      for (const BufferId id : step.reads) live(id, at);
      for (const BufferId id : step.writes) live(id, at);
    }
    for (size_t i = 0; i < d_.buffers.size(); ++i) {
      const auto id = static_cast<BufferId>(i);
      if (buffer(id).exported && lives.contains(d_.root(id))) live(id, end);
    }
    std::vector<graph::Life> list;
    for (const auto& [id, life] : lives) list.push_back(life);
    const graph::Placement placement = graph::place(list);
    int64_t& bytes = own ? own_bytes_ : arena_bytes_;
    size_t i = 0;
    for (const auto& [id, life] : lives) buffer(id).offset = bytes + placement.offsets[i++];
    bytes += placement.total_bytes;
  }

  Drafts& d_;
  const Plan plan_;
  std::map<BufferId, Division> written_;  // in the present phase
  std::set<BufferId> read_;               // in the present phase, of what threads share
  int phase_ = 0;
  int n_phases_ = 0;
  int64_t arena_bytes_ = 0;
  int64_t own_bytes_ = 0;
};

}  // namespace

Schedule schedule(Drafts& drafts, size_t n_values, Plan plan) {
  Scheduler scheduler(drafts, plan);
  scheduler.run();
  Schedule result;
  for (const Draft& step : drafts.steps) {
    result.steps.push_back({step.name, step.phase, step.make(step.share), step.works});
  }
  for (size_t i = 0; i < n_values; ++i) {
    const auto id = static_cast<BufferId>(i);
    const bool placed = drafts.buffer(drafts.root(id)).offset >= 0;
    result.values.push_back(placed ? drafts.place(id) : Place{});
  }
  result.arena_bytes = scheduler.arena_bytes();
  result.own_bytes = scheduler.own_bytes();
  result.plan = plan;
  return result;
}

}  // namespace hearth::cpu
