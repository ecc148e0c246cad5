// SPDX-License-Identifier: MIT
#include "os/cpu_info.h"

#include <cpuid.h>
#include <hwloc.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <thread>

#include "os/cgroup.h"

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

uint64_t cache_bytes(hwloc_topology_t topology, hwloc_obj_type_t type) {
  const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0);
  return cache && cache->attr ? cache->attr->cache.size : 0;
}

// Fills what hwloc knows; leaves the defaults where it knows nothing.
void read_topology(hwloc_topology_t topology, CpuInfo& info) {
  info.physical_cores = std::max(1, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE));
  info.logical_cpus = std::max(1, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU));
  info.hybrid = hwloc_cpukinds_get_nr(topology, 0) > 1;
  info.l1d_bytes = cache_bytes(topology, HWLOC_OBJ_L1CACHE);
  info.l2_bytes = cache_bytes(topology, HWLOC_OBJ_L2CACHE);
  info.l3_bytes = cache_bytes(topology, HWLOC_OBJ_L3CACHE);
  info.usable_cpus = info.logical_cpus;
  info.usable_cores = info.physical_cores;
  hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
  if (allowed && hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS) == 0) {
    int cpus = 0;
    for (int i = 0; i < info.logical_cpus; ++i) {
      const hwloc_obj_t cpu = hwloc_get_obj_by_type(topology, HWLOC_OBJ_PU, i);
      cpus += hwloc_bitmap_intersects(cpu->cpuset, allowed) ? 1 : 0;
    }
    int cores = 0;
    const int n_cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
    for (int i = 0; i < n_cores; ++i) {
      const hwloc_obj_t core = hwloc_get_obj_by_type(topology, HWLOC_OBJ_CORE, i);
      cores += hwloc_bitmap_intersects(core->cpuset, allowed) ? 1 : 0;
    }
    info.usable_cpus = std::max(1, cpus);
    info.usable_cores = std::max(1, std::min(cores, info.usable_cpus));
  }
  hwloc_bitmap_free(allowed);
}

CpuInfo read_cpu_info() {
  CpuInfo info;
  info.model = read_model();
  info.features = read_features();
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) == 0) {
    if (hwloc_topology_load(topology) == 0) {
      read_topology(topology, info);
    } else {
      info.logical_cpus = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
      info.physical_cores = info.usable_cpus = info.usable_cores = info.logical_cpus;
    }
    hwloc_topology_destroy(topology);
  }
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
