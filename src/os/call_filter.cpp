// SPDX-License-Identifier: MIT
#include "os/call_filter.h"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

namespace hearth::os {
namespace {

// Computing: memory, threads, time, and reading and writing what is open.
constexpr int kAlways[] = {
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(membarrier),
    SCMP_SYS(futex),
    SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq),
    SCMP_SYS(sched_yield),
    SCMP_SYS(sched_getaffinity),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(gettid),
    SCMP_SYS(getpid),
    SCMP_SYS(getppid),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(clock_getres),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(gettimeofday),
    SCMP_SYS(time),
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(readv),
    SCMP_SYS(writev),
    SCMP_SYS(pread64),
    SCMP_SYS(recvfrom),
    SCMP_SYS(recvmsg),
    SCMP_SYS(sendto),
    SCMP_SYS(sendmsg),
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(close),
    SCMP_SYS(fstat),
    SCMP_SYS(lseek),
    SCMP_SYS(getrandom),
    SCMP_SYS(sysinfo),
    SCMP_SYS(uname),
    SCMP_SYS(getrusage),
    SCMP_SYS(shutdown),
#ifdef HEARTH_SANITIZED  // whose checks look at memory through a pipe of their own
    SCMP_SYS(pipe),
    SCMP_SYS(pipe2),
#endif
};

// Reading files, which Landlock confines, and installing the second filter.
constexpr int kWhileLoading[] = {
    SCMP_SYS(newfstatat), SCMP_SYS(statx),     SCMP_SYS(stat),       SCMP_SYS(lstat),
    SCMP_SYS(statfs),     SCMP_SYS(fstatfs),   SCMP_SYS(access),     SCMP_SYS(faccessat),
    SCMP_SYS(faccessat2), SCMP_SYS(readlink),  SCMP_SYS(readlinkat), SCMP_SYS(getdents64),
    SCMP_SYS(getcwd),     SCMP_SYS(fadvise64), SCMP_SYS(seccomp),    SCMP_SYS(prctl),
    SCMP_SYS(fcntl),
};

constexpr scmp_datum_t kNoWriting = O_ACCMODE | O_CREAT | O_TRUNC;

// Collects rules and remembers whether one was refused.
class Rules {
 public:
  Rules() : context_(::seccomp_init(SCMP_ACT_ERRNO(EPERM))) {}
  ~Rules() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }
  Rules(const Rules&) = delete;
  Rules& operator=(const Rules&) = delete;

  void allow(int call) { keep(::seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 0)); }
  void allow_if(int call, scmp_arg_cmp condition) {
    keep(::seccomp_rule_add(context_, SCMP_ACT_ALLOW, call, 1, condition));
  }
  // As where the kernel is too old to have the call: libraries then take the older one.
  void deny_as_unknown(int call) {
    keep(::seccomp_rule_add(context_, SCMP_ACT_ERRNO(ENOSYS), call, 0));
  }
  bool install() {
    if (context_ == nullptr || !whole_) return false;
    // no_new_privs is set already; every thread is to have the filter.
    keep(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_NNP, 0));
    keep(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_TSYNC, 1));
    keep(::seccomp_attr_set(context_, SCMP_FLTATR_CTL_OPTIMIZE, 2));  // search by halves
    return whole_ && ::seccomp_load(context_) == 0;
  }

 private:
  void keep(int failed) { whole_ = whole_ && failed == 0; }
  scmp_filter_ctx context_;
  bool whole_ = true;
};

}  // namespace

bool filter_calls(CallSet set) {
  Rules rules;
  for (const int call : kAlways) rules.allow(call);
  // Memory, but none that can be executed; threads, but no processes; signals to this process only.
  rules.allow_if(SCMP_SYS(mmap), SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  rules.allow_if(SCMP_SYS(mprotect), SCMP_A2_32(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
  rules.allow_if(SCMP_SYS(clone), SCMP_A0_32(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
  rules.deny_as_unknown(SCMP_SYS(clone3));  // its flags lie in memory, where no filter sees them
  rules.allow_if(SCMP_SYS(tgkill), SCMP_A0_32(SCMP_CMP_EQ, static_cast<unsigned>(::getpid())));
  if (set == CallSet::kLoading) {
    for (const int call : kWhileLoading) rules.allow(call);
    rules.allow_if(SCMP_SYS(openat), SCMP_A2_32(SCMP_CMP_MASKED_EQ, kNoWriting, O_RDONLY));
    rules.allow_if(SCMP_SYS(open), SCMP_A1_32(SCMP_CMP_MASKED_EQ, kNoWriting, O_RDONLY));
  }
  return rules.install();
}

bool can_filter_calls() {
  // Without a filter given the kernel that knows the call objects to the address (EFAULT).
  return ::prctl(PR_SET_SECCOMP, 2 /* SECCOMP_MODE_FILTER */, nullptr) != 0 && errno == EFAULT;
}

}  // namespace hearth::os
