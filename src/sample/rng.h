// SPDX-License-Identifier: MIT
// The random numbers of the samplers: PCG32, the same on every machine and compiler (the standard
// library's distributions are not).
// Source: M. E. O'Neill, "PCG: A Family of Simple Fast Space-Efficient Statistically Good
// Algorithms for Random Number Generation" (HMC-CS-2014-0905): PCG-XSH-RR 64/32.
#pragma once
#include <bit>
#include <cstdint>

namespace hearth::sample {

class Pcg32 {
 public:
  // `stream` picks one of 2^63 independent sequences.
  explicit Pcg32(uint64_t seed, uint64_t stream = 0xda3e39cb94b95bdbu) : step_((stream << 1) | 1u) {
    next();
    state_ += seed;
    next();
  }

  uint32_t next() {
    const uint64_t old = state_;
    state_ = old * 6364136223846793005u + step_;
    const auto mixed = static_cast<uint32_t>(((old >> 18) ^ old) >> 27);
    return std::rotr(mixed, static_cast<int>(old >> 59));
  }

  // Uniform in [0, 1), all 53 bits of a double's mantissa drawn.
  double uniform() {
    const uint64_t high = next() >> 5;  // 27 bits
    const uint64_t low = next() >> 6;   // 26 bits
    return static_cast<double>((high << 26) | low) * 0x1p-53;
  }

 private:
  uint64_t state_ = 0;
  uint64_t step_;
};

}  // namespace hearth::sample
