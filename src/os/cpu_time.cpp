// SPDX-License-Identifier: MIT
#include "os/cpu_time.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>
#include <string>

namespace hearth::os {
namespace {

// Ticks of a processor line: user, nice, system, idle, iowait, irq, softirq, steal. Guests' time,
// which follows, is in user and nice already.
constexpr size_t kFields = 8;
constexpr size_t kIdle = 3, kIoWait = 4;

Result<CpuTime> read_machine(const std::filesystem::path& path, double ticks_per_s) {
  std::ifstream in(path);
  CpuTime time;
  bool found = false;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    std::string name;
    words >> name;
    if (!name.starts_with("cpu")) break;  // the lines of processors come first
    if (name != "cpu") {
      ++time.n_cpus;
      continue;
    }
    std::array<double, kFields> ticks{};
    for (double& value : ticks) words >> value;
    if (!words) break;
    found = true;
    for (size_t i = 0; i < kFields; ++i) {
      if (i != kIdle && i != kIoWait) time.all_s += ticks[i] / ticks_per_s;
    }
  }
  if (!found || time.n_cpus == 0)
    return io_error("/proc/stat does not tell who used the processors");
  return time;
}

// utime, stime, cutime and cstime are the fields 14 to 17, counted from 1. Field 2 is the program's
// name in brackets, which may hold anything: fields are counted behind the last bracket.
Result<double> read_own(const std::filesystem::path& path, double ticks_per_s) {
  std::ifstream in(path);
  std::string text;
  std::getline(in, text);
  const size_t bracket = text.rfind(')');
  if (bracket != std::string::npos) {
    std::istringstream words(text.substr(bracket + 1));
    std::string skipped;
    for (int field = 3; field < 14; ++field) words >> skipped;
    double sum = 0;
    for (int field = 14; field <= 17; ++field) {
      double ticks = 0;
      words >> ticks;
      sum += ticks / ticks_per_s;
    }
    if (words) return sum;
  }
  return io_error("/proc/self/stat does not tell the time of this process");
}

}  // namespace

Result<CpuTime> cpu_time(const std::filesystem::path& root) {
  const auto ticks_per_s = static_cast<double>(std::max(::sysconf(_SC_CLK_TCK), 1L));
  TRY_LET(CpuTime time, read_machine(root / "proc/stat", ticks_per_s));
  TRY_LET(time.own_s, read_own(root / "proc/self/stat", ticks_per_s));
  return time;
}

}  // namespace hearth::os
