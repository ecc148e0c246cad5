// SPDX-License-Identifier: MIT
#include "os/interrupt.h"

#include <signal.h>
#include <unistd.h>

#include "base/check.h"

namespace hearth::os {
namespace {

constexpr int kPressesToLeave = 3;
constexpr int kInterruptedStatus = 130;

// A signal handler may only touch lock-free atomics.
std::atomic<int> g_presses{0};
std::atomic<bool> g_pressed{false};
std::atomic<bool> g_installed{false};
struct sigaction g_former {};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

extern "C" void count_press(int) {
  g_pressed.store(true, std::memory_order_relaxed);
  if (g_presses.fetch_add(1, std::memory_order_relaxed) + 1 >= kPressesToLeave) {
    ::_exit(kInterruptedStatus);
  }
}

}  // namespace

InterruptGuard::InterruptGuard() {
  CHECK(!g_installed.exchange(true));
  clear();
  struct sigaction action {};
  action.sa_handler = count_press;
  ::sigemptyset(&action.sa_mask);
  CHECK(::sigaction(SIGINT, &action, &g_former) == 0);
}

InterruptGuard::~InterruptGuard() {
  ::sigaction(SIGINT, &g_former, nullptr);
  clear();
  g_installed.store(false);
}

int InterruptGuard::presses() const { return g_presses.load(std::memory_order_relaxed); }

void InterruptGuard::clear() {
  g_presses.store(0, std::memory_order_relaxed);
  g_pressed.store(false, std::memory_order_relaxed);
}

const std::atomic<bool>& InterruptGuard::flag() { return g_pressed; }

}  // namespace hearth::os
