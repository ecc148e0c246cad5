// SPDX-License-Identifier: MIT
#include "os/sandbox.h"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "os/call_filter.h"
#include "os/file_handle.h"
#include "os/landlock.h"

namespace hearth::os {
namespace {

// Half of the scale: when memory ends the system takes this process before those that hold what
// people wrote. Source: proc(5), oom_score_adj.
constexpr std::string_view kOomScore = "500";
// Descriptors: the standard ones, the channel, and the parts of a model while it is opened.
constexpr rlim_t kMaxDescriptors = 256;

constexpr const char* kNoFilter =
    "no filter of system calls (seccomp): the kernel or a container refuses it";

bool raise_oom_score() {
  const FileHandle file(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  return file.is_open() && ::write(file.get(), kOomScore.data(), kOomScore.size()) > 0;
}

bool lower_limit(int what, rlim_t most) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(what), &limit) != 0) return false;
  limit.rlim_max = std::min(limit.rlim_max, most);
  limit.rlim_cur = std::min(limit.rlim_cur, limit.rlim_max);
  return ::setrlimit(static_cast<__rlimit_resource>(what), &limit) == 0;
}

void give_up_privileges(SandboxFacts& facts) {
  const bool oom = raise_oom_score();  // while the process still owns its files in /proc
  if (!oom) facts.missing.emplace_back("the score for running out of memory cannot be raised");
  const bool limits = lower_limit(RLIMIT_CORE, 0) && lower_limit(RLIMIT_NOFILE, kMaxDescriptors);
  if (!limits) facts.missing.emplace_back("limits of the process cannot be lowered");
  const bool private_memory = ::prctl(PR_SET_DUMPABLE, 0) == 0;
  const bool no_new = ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
  if (!no_new) facts.missing.emplace_back("privileges cannot be given up (no_new_privs)");
  facts.unprivileged = oom && limits && private_memory && no_new;
}

}  // namespace

SandboxFacts enter_sandbox(const std::vector<std::filesystem::path>& readable) {
  SandboxFacts facts;
  give_up_privileges(facts);
  enter_landlock(readable, facts);
  facts.calls = filter_calls(CallSet::kLoading);
  if (!facts.calls) facts.missing.emplace_back(kNoFilter);
  return facts;
}

void close_files(SandboxFacts& facts) {
  facts.opens = facts.calls && filter_calls(CallSet::kComputing);
  if (facts.calls && !facts.opens) {
    facts.missing.emplace_back("the filter of system calls cannot be narrowed after loading");
  }
}

SandboxFacts sandbox_support() {
  SandboxFacts facts;
  facts.landlock_abi = landlock_abi();
  facts.files = facts.landlock_abi >= 1;
  facts.network = facts.landlock_abi >= 4;
  facts.signals = facts.landlock_abi >= 6;
  facts.calls = facts.opens = can_filter_calls();
  facts.unprivileged = true;
  if (!facts.files) facts.missing.emplace_back("no Landlock (needs Linux 5.13, switched on)");
  if (facts.files && !facts.network) {
    facts.missing.emplace_back("Landlock does not guard the network before Linux 6.7");
  }
  if (!facts.calls) facts.missing.emplace_back(kNoFilter);
  return facts;
}

}  // namespace hearth::os
