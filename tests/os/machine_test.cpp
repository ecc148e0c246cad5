// SPDX-License-Identifier: MIT
// Facts of the machine, checked against what the system says elsewhere and against made-up trees
// of /proc and /sys.
#include <gtest/gtest.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "os/cgroup.h"
#include "os/cpu_info.h"
#include "os/cpu_topology.h"
#include "os/dirs.h"
#include "os/host.h"
#include "os/interrupt.h"
#include "os/memory.h"
#include "os/terminal.h"
#include "tests/support/temp_folder.h"

namespace hearth::os {
namespace {

namespace fs = std::filesystem;
using test::put;
using test::TempFolder;

// Whether the kernel lists a flag for the first processor.
bool kernel_has(const std::string& flag) {
  std::ifstream in("/proc/cpuinfo");
  for (std::string line; std::getline(in, line);) {
    if (!line.starts_with("flags")) continue;
    std::istringstream words(line);
    for (std::string word; words >> word;) {
      if (word == flag) return true;
    }
    return false;
  }
  return false;
}

bool kernel_has_all(const std::vector<std::string>& flags) {
  for (const std::string& flag : flags) {
    if (!kernel_has(flag)) return false;
  }
  return true;
}

TEST(CpuInfo, instruction_sets_are_those_that_the_kernel_lists) {
  const CpuFeatures& f = cpu_info().features;
  const std::vector<std::string> avx2 = {"avx2", "fma", "f16c", "bmi2"};
  const bool has_avx2 = kernel_has_all(avx2);
  const bool has_avx512 =
      has_avx2 && kernel_has_all({"avx512f", "avx512bw", "avx512dq", "avx512vl"});
  EXPECT_EQ(f.sse42, kernel_has("sse4_2"));
  EXPECT_EQ(f.avx2, has_avx2);
  EXPECT_EQ(f.avxvnni, has_avx2 && kernel_has("avx_vnni"));
  EXPECT_EQ(f.avx512, has_avx512);
  EXPECT_EQ(f.avx512vnni, has_avx512 && kernel_has("avx512_vnni"));
  EXPECT_EQ(f.avx512bf16, has_avx512 && kernel_has("avx512_bf16"));
}

TEST(CpuInfo, counts_are_within_what_the_scheduler_allows) {
  const CpuInfo& info = cpu_info();
  EXPECT_FALSE(info.model.empty());
  EXPECT_GE(info.physical_cores, 1);
  EXPECT_GE(info.logical_cpus, info.physical_cores);
  EXPECT_GE(info.usable_cores, 1);
  EXPECT_LE(info.usable_cores, info.usable_cpus);
  EXPECT_LE(info.usable_cpus, info.logical_cpus);
  cpu_set_t set;
  if (::sched_getaffinity(0, sizeof(set), &set) == 0) {
    EXPECT_LE(info.usable_cpus, CPU_COUNT(&set));
  }
}

// A machine of two packages, two cores each, two logical processors in each core.
std::string eight_listed_cpus() {
  std::string text;
  for (int i = 0; i < 8; ++i) {
    text += "processor\t: " + std::to_string(i) +
            "\nmodel name\t: A: b\nphysical id\t: " + std::to_string(i / 2 % 2) +
            "\ncore id\t\t: " + std::to_string(i % 2) + "\n:\nx\n\n";
  }
  return text;
}

TEST(CpuTopology, without_a_tree_of_processors_they_are_found_and_nothing_is_said) {
  const TempFolder root;
  put(root / "sys/devices/system/cpu/cpu0/online", "1\n");
  CpuInfo with, without;
  testing::internal::CaptureStderr();
  read_cpu_topology(without, root.path());
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "");
  read_cpu_topology(with);
  EXPECT_EQ(without.usable_cpus, with.usable_cpus);
  EXPECT_EQ(without.usable_cores, with.usable_cores);
}

TEST(CpuList, cores_are_counted_by_package_and_number) {
  const TempFolder root;
  put(root / "cpuinfo", eight_listed_cpus());
  CpuInfo info;
  read_cpu_list(info, root / "cpuinfo");
  EXPECT_EQ(info.logical_cpus, 8);
  EXPECT_EQ(info.physical_cores, 4);
  EXPECT_GE(info.usable_cores, 1);
  EXPECT_LE(info.usable_cores, info.usable_cpus);
  EXPECT_LE(info.usable_cpus, info.logical_cpus);
}

TEST(CpuList, processors_listed_without_their_core_are_cores) {
  const TempFolder root;
  put(root / "cpuinfo", "processor : 0\n\nprocessor : 1\n\nprocessor:2\ncore id: x\n");
  CpuInfo info;
  read_cpu_list(info, root / "cpuinfo");
  EXPECT_EQ(info.logical_cpus, 3);
  EXPECT_EQ(info.physical_cores, 3);
}

TEST(CpuList, agrees_with_the_tree_on_this_machine) {
  CpuInfo by_list, by_tree;
  read_cpu_list(by_list, "/proc/cpuinfo");
  read_cpu_topology(by_tree);
  EXPECT_EQ(by_list.usable_cpus, by_tree.usable_cpus);
  EXPECT_EQ(by_list.usable_cores, by_tree.usable_cores);
  EXPECT_GE(by_list.logical_cpus, by_tree.logical_cpus);  // the tree has those of the container
}

TEST(CpuList, without_a_list_the_scheduler_still_counts) {
  CpuInfo info;
  read_cpu_list(info, "/no/such/file");
  cpu_set_t set;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(set), &set), 0);
  EXPECT_EQ(info.usable_cpus, CPU_COUNT(&set));
  EXPECT_GE(info.physical_cores, info.usable_cores);
}

TEST(Cgroup, the_lowest_quota_of_the_group_and_those_above_it_counts) {
  const TempFolder root;
  put(root / "proc/self/cgroup", "0::/box/inner\n");
  put(root / "sys/fs/cgroup/box/cpu.max", "150000 100000\n");
  put(root / "sys/fs/cgroup/box/inner/cpu.max", "max 100000\n");
  put(root / "sys/fs/cgroup/box/inner/memory.max", "8000000\n");
  put(root / "sys/fs/cgroup/box/inner/memory.current", "3000000\n");
  put(root / "sys/fs/cgroup/box/memory.max", "9000000\n");
  const CgroupLimits limits = cgroup_limits(root.path());
  EXPECT_EQ(limits.cpus, 1.5);
  EXPECT_EQ(limits.memory_bytes, 8000000u);
  EXPECT_EQ(limits.memory_used_bytes, 3000000u);
}

TEST(Cgroup, version_1_limits_are_read_too) {
  const TempFolder root;
  put(root / "proc/self/cgroup", "4:memory:/m\n3:cpu,cpuacct:/c\n1:name=systemd:/x\n");
  put(root / "sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "50000\n");
  put(root / "sys/fs/cgroup/cpu/c/cpu.cfs_period_us", "100000\n");
  put(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  put(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  put(root / "sys/fs/cgroup/memory/m/memory.limit_in_bytes", "9223372036854771712\n");
  const CgroupLimits limits = cgroup_limits(root.path());
  EXPECT_EQ(limits.cpus, 0.5);
  EXPECT_FALSE(limits.memory_bytes);
}

TEST(Cgroup, no_files_or_nonsense_is_no_limit) {
  const TempFolder root;
  EXPECT_FALSE(cgroup_limits(root.path()).cpus);
  put(root / "proc/self/cgroup", "0::/\nnonsense\n:\n::\n0::/../../..\n");
  put(root / "sys/fs/cgroup/cpu.max", "ten of them\n");
  put(root / "sys/fs/cgroup/memory.max", "max\n");
  const CgroupLimits limits = cgroup_limits(root.path());
  EXPECT_FALSE(limits.cpus);
  EXPECT_FALSE(limits.memory_bytes);
}

TEST(Memory, a_containers_limit_lowers_what_is_available) {
  const TempFolder root;
  put(root / "proc/meminfo", "MemTotal:  1000 kB\nMemFree: 10 kB\nMemAvailable:   600 kB\n");
  auto info = memory_info(root.path());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->total_bytes, 1000u * 1024);
  EXPECT_EQ(info->available_bytes, 600u * 1024);
  put(root / "proc/self/cgroup", "0::/\n");
  put(root / "sys/fs/cgroup/memory.max", "512000\n");
  put(root / "sys/fs/cgroup/memory.current", "500000\n");
  info = memory_info(root.path());
  ASSERT_TRUE(info);
  EXPECT_EQ(info->total_bytes, 512000u);
  EXPECT_EQ(info->available_bytes, 12000u);
}

TEST(Memory, this_machine_and_this_process_have_plausible_numbers) {
  const auto info = memory_info();
  ASSERT_TRUE(info);
  EXPECT_GT(info->available_bytes, 0u);
  EXPECT_LE(info->available_bytes, info->total_bytes);
  EXPECT_GT(resident_bytes(), 0u);
  EXPECT_GE(peak_resident_bytes(), resident_bytes() / 2);
  const uint64_t before = anonymous_resident_bytes();
  std::vector<uint8_t> touched(32u << 20, 1);
  EXPECT_GE(anonymous_resident_bytes(), before + (30u << 20)) << static_cast<int>(touched[77]);
  const auto none = memory_info("/no/such/root");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::kIo);
}

TEST(Memory, the_peak_can_begin_anew) {
  constexpr size_t kBytes = 64u << 20;
  // Straight from the system, since an allocator may keep what it was given back.
  void* const memory =
      ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kBytes);
  EXPECT_GE(peak_resident_bytes(), kBytes);
  ::munmap(memory, kBytes);
  const uint64_t before = peak_resident_bytes();
  if (!reset_peak_resident()) GTEST_SKIP() << "the system does not allow it";
  EXPECT_LT(peak_resident_bytes(), before - kBytes / 2);
}

// Sets a variable for one test and puts the old value back.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* const old = ::getenv(name)) former_ = old;
    value ? ::setenv(name, value, 1) : ::unsetenv(name);
  }
  ~Variable() { former_ ? ::setenv(name_, former_->c_str(), 1) : ::unsetenv(name_); }

 private:
  const char* name_;
  std::optional<std::string> former_;
};

#ifndef HEARTH_SANITIZED  // whose allocator keeps what it likes
TEST(Memory, what_a_burst_needed_goes_back_to_the_system) {
  give_freed_memory_back();
  std::vector<std::vector<char>> burst;
  for (int i = 0; i < 200; ++i) burst.emplace_back(16 << 10, 'x');
  while (!burst.empty()) burst.pop_back();
  EXPECT_LE(::mallinfo2().keepcost, size_t{96} << 10);  // free at the end of the heap
}
#endif

TEST(Dirs, the_home_follows_the_variables_in_their_order) {
  const Variable own("HEARTH_HOME", "/a/./b/../hearth");
  const Variable data("XDG_DATA_HOME", "/data");
  const Variable home("HOME", "/home/someone");
  EXPECT_EQ(hearth_home().value_or(""), "/a/hearth");
  EXPECT_EQ(models_folder().value_or(""), "/a/hearth/models");
  const Variable no_own("HEARTH_HOME", nullptr);
  EXPECT_EQ(hearth_home().value_or(""), "/data/hearth");
  const Variable relative("XDG_DATA_HOME", "not/absolute");
  EXPECT_EQ(hearth_home().value_or(""), "/home/someone/.local/share/hearth");
  const Variable no_home("HOME", nullptr);
  const auto account = hearth_home();
  EXPECT_TRUE(!account || account->is_absolute());
}

TEST(Dirs, folders_are_made_with_those_above_and_a_file_in_the_way_is_an_error) {
  const TempFolder folder;
  EXPECT_TRUE(make_folders(folder / "a/b/c"));
  EXPECT_TRUE(make_folders(folder / "a/b/c"));
  EXPECT_TRUE(fs::is_directory(folder / "a/b/c"));
  put(folder / "file", "x");
  EXPECT_FALSE(make_folders(folder / "file"));
  EXPECT_FALSE(make_folders(folder / "file/below"));
}

TEST(Interrupt, presses_are_counted_while_the_guard_lives) {
  InterruptGuard guard;
  EXPECT_FALSE(guard.pressed());
  ::raise(SIGINT);
  EXPECT_TRUE(guard.pressed());
  EXPECT_TRUE(InterruptGuard::flag().load());
  ::raise(SIGINT);
  EXPECT_EQ(guard.presses(), 2);
  guard.clear();
  EXPECT_FALSE(InterruptGuard::flag().load());
  ::raise(SIGINT);
  EXPECT_EQ(guard.presses(), 1);
}

TEST(Interrupt, the_third_press_leaves_with_130_and_without_a_guard_the_first_one_kills) {
  for (const bool guarded : {true, false}) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::signal(SIGINT, SIG_DFL);
      { const InterruptGuard restored; }
      if (guarded) {
        const InterruptGuard guard;
        for (int i = 0; i < 3; ++i) ::raise(SIGINT);
      }
      ::raise(SIGINT);
      ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    if (guarded) {
      EXPECT_TRUE(WIFEXITED(status));
      EXPECT_EQ(WEXITSTATUS(status), 130);
    } else {
      EXPECT_TRUE(WIFSIGNALED(status));
      EXPECT_EQ(WTERMSIG(status), SIGINT);
    }
  }
}

TEST(Terminal, columns_come_from_the_variable_where_there_is_no_terminal) {
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (const int fd : {0, 1, 2}) ::close(fd);
    ::setenv("COLUMNS", "123", 1);
    const bool set = terminal_columns() == 123;
    ::setenv("COLUMNS", "wide", 1);
    const bool unset = terminal_columns() == 80;
    ::_exit(set && unset && !is_terminal(Stream::kOut) && !wants_colour(Stream::kErr) ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Host, this_machine_is_accepted) { EXPECT_TRUE(check_host()); }

}  // namespace
}  // namespace hearth::os
