// SPDX-License-Identifier: MIT
// Two loops that do nothing useful as fast as the machine can: they measure what bounds every other
// kernel. Decoding is bound by reading memory, prefill by int8 multiply-adds. Filled like the
// kernel table: limits.base.cpp, overlaid by each instruction set.
#pragma once
#include <stdint.h>

namespace hearth::cpu {

struct LimitsTable {
  // Reads every byte once and returns a number that depends on all of them. n_bytes is a multiple
  // of kReadUnit. Four segments side by side, each prefetched kReadAhead bytes ahead: one stream
  // alone leaves half of the bandwidth unused (measured: 48 % of it).
  uint64_t (*read)(const uint8_t* data, int64_t n_bytes);
  // Multiplies and adds int8 values in registers, n_rounds times; returns how many multiply-adds
  // that were. As many independent sums as hide the latency of one. In assembly (base excepted):
  // compilers move so many sums to memory and back. What the registers hold does not matter.
  int64_t (*int8_macs)(int64_t n_rounds);
};

inline constexpr int kReadStreams = 4;
inline constexpr int kReadStep = 256;  // bytes of one stream per turn
inline constexpr int kReadUnit = kReadStreams * kReadStep;
inline constexpr int kReadAhead = 1024;  // bytes

}  // namespace hearth::cpu
