// SPDX-License-Identifier: MIT
#include "os/cpu_topology.h"

#include <hwloc.h>
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace hearth::os {
namespace {

namespace fs = std::filesystem;

uint64_t cache_bytes(hwloc_topology_t topology, hwloc_obj_type_t type) {
  const hwloc_obj_t cache = hwloc_get_obj_by_type(topology, type, 0);
  return cache && cache->attr ? cache->attr->cache.size : 0;
}

int count_within(hwloc_topology_t topology, hwloc_obj_type_t type, hwloc_const_bitmap_t allowed) {
  int n = 0;
  for (int i = 0; i < hwloc_get_nbobjs_by_type(topology, type); ++i) {
    n += hwloc_bitmap_intersects(hwloc_get_obj_by_type(topology, type, i)->cpuset, allowed) ? 1 : 0;
  }
  return n;
}

void read_loaded(hwloc_topology_t topology, CpuInfo& info) {
  info.physical_cores = hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE);
  info.logical_cpus = std::max(1, hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU));
  info.hybrid = hwloc_cpukinds_get_nr(topology, 0) > 1;
  info.l1d_bytes = cache_bytes(topology, HWLOC_OBJ_L1CACHE);
  info.l2_bytes = cache_bytes(topology, HWLOC_OBJ_L2CACHE);
  info.l3_bytes = cache_bytes(topology, HWLOC_OBJ_L3CACHE);
  info.usable_cpus = info.logical_cpus;
  info.usable_cores = info.physical_cores;
  hwloc_bitmap_t allowed = hwloc_bitmap_alloc();
  if (allowed && hwloc_get_cpubind(topology, allowed, HWLOC_CPUBIND_PROCESS) == 0) {
    info.usable_cpus = std::max(1, count_within(topology, HWLOC_OBJ_PU, allowed));
    info.usable_cores =
        std::clamp(count_within(topology, HWLOC_OBJ_CORE, allowed), 1, info.usable_cpus);
  }
  hwloc_bitmap_free(allowed);
}

// False where it finds no cores.
bool read_by_hwloc(CpuInfo& info, bool has_tree) {
  hwloc_topology_t topology = nullptr;
  if (hwloc_topology_init(&topology) != 0) return false;
  // The part that reads the tree writes a line of its own to stderr where there is none.
  if (!has_tree) {
    hwloc_topology_set_components(topology, HWLOC_TOPOLOGY_COMPONENTS_FLAG_BLACKLIST, "linux");
  }
  const bool loaded =
      hwloc_topology_load(topology) == 0 && hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE) > 0;
  if (loaded) read_loaded(topology, info);
  hwloc_topology_destroy(topology);
  return loaded;
}

// One logical processor as /proc/cpuinfo lists it.
struct Listed {
  int cpu = -1, package = 0, core = -1;
};

std::vector<Listed> list_cpus(const fs::path& cpuinfo) {
  std::vector<Listed> listed;
  std::ifstream in(cpuinfo);
  for (std::string line; std::getline(in, line);) {
    const size_t colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view name =
        std::string_view(line).substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
    int value = -1;
    const size_t at = std::min(line.find_first_not_of(" \t", colon + 1), line.size());
    std::from_chars(line.data() + at, line.data() + line.size(), value);
    if (name == "processor") listed.push_back({.cpu = value});
    if (listed.empty() || value < 0) continue;
    if (name == "physical id") listed.back().package = value;
    if (name == "core id") listed.back().core = value;
  }
  return listed;
}

// Empty where the system does not say.
std::set<int> allowed_cpus() {
  constexpr int kMostCpus = 1 << 16;
  const std::unique_ptr<cpu_set_t, void (*)(cpu_set_t*)> set(CPU_ALLOC(kMostCpus),
                                                             [](cpu_set_t* s) { CPU_FREE(s); });
  const size_t bytes = CPU_ALLOC_SIZE(kMostCpus);
  std::set<int> cpus;
  if (!set || ::sched_getaffinity(0, bytes, set.get()) != 0) return cpus;
  for (int i = 0; i < kMostCpus; ++i) {
    if (CPU_ISSET_S(i, bytes, set.get())) cpus.insert(i);
  }
  return cpus;
}

// What hwloc looks for below /sys.
bool has_tree(const fs::path& root) {
  for (const char* folder : {"sys/bus/cpu/devices/cpu0", "sys/devices/system/cpu/cpu0"}) {
    for (const char* file : {"package_cpus", "core_cpus", "core_siblings", "thread_siblings"}) {
      std::error_code error;
      if (fs::exists(root / folder / "topology" / file, error)) return true;
    }
  }
  return false;
}

}  // namespace

void read_cpu_topology(CpuInfo& info, const fs::path& root) {
  if (!read_by_hwloc(info, has_tree(root))) read_cpu_list(info, root / "proc/cpuinfo");
}

void read_cpu_list(CpuInfo& info, const fs::path& cpuinfo) {
  const std::vector<Listed> listed = list_cpus(cpuinfo);
  const std::set<int> allowed = allowed_cpus();
  if (listed.empty()) {
    info.usable_cpus = std::max(1, static_cast<int>(allowed.size()));
    info.logical_cpus =
        std::max(info.usable_cpus, static_cast<int>(std::thread::hardware_concurrency()));
    info.physical_cores = info.logical_cpus;
    info.usable_cores = info.usable_cpus;
    return;
  }
  std::set<std::pair<int, int>> cores, usable_cores;
  int usable_cpus = 0;
  for (const Listed& one : listed) {
    // Without a core's number each logical processor counts as one; negative, so that it is none
    // of the numbers that others have.
    const std::pair core{one.package, one.core >= 0 ? one.core : -1 - one.cpu};
    cores.insert(core);
    if (!allowed.empty() && !allowed.contains(one.cpu)) continue;
    usable_cores.insert(core);
    ++usable_cpus;
  }
  info.logical_cpus = static_cast<int>(listed.size());
  info.physical_cores = static_cast<int>(cores.size());
  info.usable_cpus = std::max(1, usable_cpus);
  info.usable_cores = std::max(1, static_cast<int>(usable_cores.size()));
}

}  // namespace hearth::os
