// SPDX-License-Identifier: MIT
#include "os/cpu_info.h"

#include <cpuid.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "os/cgroup.h"
#include "os/cpu_topology.h"

namespace hearth::os {
namespace {

struct Registers {
  uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zero where the processor does not have that leaf.
Registers cpuid(uint32_t leaf, uint32_t subleaf = 0) {
  Registers r;
  if (!__get_cpuid_count(leaf, subleaf, &r.eax, &r.ebx, &r.ecx, &r.edx)) return {};
  return r;
}

constexpr bool bit(uint32_t value, int i) { return (value >> i & 1u) != 0; }

// XCR0: which register files the system saves. Only to be called when OSXSAVE is set.
uint64_t saved_state() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return static_cast<uint64_t>(high) << 32 | low;
}

CpuFeatures read_features() {
  const Registers one = cpuid(1);
  const Registers seven = cpuid(7);
  const Registers seven_one = cpuid(7, 1);
  CpuFeatures f;
  f.sse42 = bit(one.ecx, 20);
  const bool osxsave = bit(one.ecx, 27);
  const uint64_t saved = osxsave ? saved_state() : 0;
  const bool ymm = (saved & 0x06) == 0x06;  // SSE and AVX registers
  const bool zmm = (saved & 0xe6) == 0xe6;  // and masks, upper halves, the upper 16
  f.avx2 = ymm && bit(one.ecx, 28) && bit(one.ecx, 12) && bit(one.ecx, 29) && bit(seven.ebx, 5) &&
           bit(seven.ebx, 8);
  f.avxvnni = f.avx2 && bit(seven_one.eax, 4);
  f.avx512 = f.avx2 && zmm && bit(seven.ebx, 16) && bit(seven.ebx, 17) && bit(seven.ebx, 30) &&
             bit(seven.ebx, 31);
  f.avx512vnni = f.avx512 && bit(seven.ecx, 11);
  f.avx512bf16 = f.avx512 && bit(seven_one.eax, 5);
  return f;
}

std::string read_model() {
  constexpr uint32_t kNameLeaf = 0x8000'0002;  // three leaves of 16 characters
  std::array<char, 49> text{};
  for (uint32_t i = 0; i < 3; ++i) {
    const Registers r = cpuid(kNameLeaf + i);
    std::memcpy(text.data() + i * 16, &r, sizeof(r));
  }
  std::string name(text.data());
  name.erase(0, name.find_first_not_of(' '));
  const size_t last = name.find_last_not_of(' ');
  name.erase(last == std::string::npos ? 0 : last + 1);
  return name.empty() ? "unknown" : name;
}

CpuInfo read_cpu_info() {
  CpuInfo info;
  info.model = read_model();
  info.features = read_features();
  read_cpu_topology(info);
  if (const auto quota = cgroup_limits("/").cpus) {
    const int cpus = std::max(1, static_cast<int>(std::ceil(std::min(*quota, 1e6))));
    info.usable_cpus = std::min(info.usable_cpus, cpus);
    info.usable_cores = std::min(info.usable_cores, cpus);
  }
  return info;
}

}  // namespace

const CpuInfo& cpu_info() {
  static const CpuInfo info = read_cpu_info();
  return info;
}

}  // namespace hearth::os
