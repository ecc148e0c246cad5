// SPDX-License-Identifier: MIT
// What processor this is and how much of it this process may use.
// Sources: Intel SDM vol. 2 (CPUID, XGETBV), vol. 3 (processor name); cores and caches:
// cpu_topology.h.
#pragma once
#include <cstdint>
#include <string>

namespace hearth::os {

// Instruction sets that both the processor and the system (saved registers) support, in the groups
// in which kernels are compiled (cmake/isa.cmake).
struct CpuFeatures {
  bool sse42 = false;
  bool avx2 = false;        // with fma, f16c, bmi2
  bool avxvnni = false;     // with the avx2 group
  bool avx512 = false;      // f, bw, dq, vl, with the avx2 group
  bool avx512vnni = false;  // with the avx512 group
  bool avx512bf16 = false;  // with the avx512 group
};

struct CpuInfo {
  std::string model;       // "AMD EPYC 9354", or "unknown"
  int physical_cores = 1;  // of the machine
  int logical_cpus = 1;    // of the machine
  int usable_cpus = 1;     // logical, that this process may run on (affinity and quota)
  int usable_cores = 1;    // physical, the same: the default number of threads
  bool hybrid = false;     // cores of different kinds
  uint64_t l1d_bytes = 0;  // of one core; 0 where unknown
  uint64_t l2_bytes = 0;   // of one cache
  uint64_t l3_bytes = 0;   // of one cache
  CpuFeatures features;
};

// Found out once, on first use. Thread-safe.
const CpuInfo& cpu_info();

}  // namespace hearth::os
