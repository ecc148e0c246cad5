// SPDX-License-Identifier: MIT
// When the steps of a program wait for one another, and where its buffers lie.
#pragma once
#include "backend/cpu/draft.h"

namespace hearth::cpu {

// kMany: rows are divided among the threads. kFew: with fewer rows than that pays for, every thread
// does all steps by row itself, in memory of its own, and only what products and attention wrote is
// waited for.
enum class Plan : uint8_t { kMany, kFew };

struct Schedule {
  std::vector<Step> steps;    // in order; phase numbers never fall
  std::vector<Place> values;  // one per graph value; places of this segment's values exist
  int64_t arena_bytes = 0;
  int64_t own_bytes = 0;  // per thread
  Plan plan = Plan::kMany;
};

// Imported values lie at the same offsets whatever the schedule.
Schedule schedule(Drafts& drafts, size_t n_values, Plan plan);

}  // namespace hearth::cpu
