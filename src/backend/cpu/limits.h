// SPDX-License-Identifier: MIT
// What this machine can do at best: how fast it reads memory and how many int8 multiply-adds it
// makes. Every speed of the CPU backend is judged against these two. Takes about two seconds.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>

#include "backend/cpu/kernels/limits.h"
#include "base/result.h"

namespace hearth::cpu {

struct Limits {
  int n_threads = 1;
  std::string_view isa;  // of the loops: the one that the kernels use (HEARTH_ISA)
  uint64_t buffer_bytes = 0;
  double read_bytes_per_s = 0;             // all threads together
  double read_bytes_per_s_one_thread = 0;  // one alone
  double int8_macs_per_s = 0;
  double int8_macs_per_s_one_thread = 0;
};

// How large a buffer must be to lie in memory, not in caches: four times the last one, at least
// 256 MiB, at most a quarter of what is free.
uint64_t limits_buffer_bytes();

// Measures with `n_threads` threads and a buffer of about `buffer_bytes`, the best of several
// passes. Fails where the memory cannot be had, or HEARTH_ISA is wrong. Other work on the machine
// lowers the figures.
Result<Limits> measure_limits(int n_threads, uint64_t buffer_bytes);

// The loops for one instruction set that this machine has: for tests.
LimitsTable limits_table_for(std::string_view isa);

}  // namespace hearth::cpu
