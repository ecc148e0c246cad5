// SPDX-License-Identifier: MIT
#include "os/any_readable.h"

#include <poll.h>
#include <sys/epoll.h>

#include <cerrno>

#include "os/failure.h"

namespace hearth::os {
namespace {

constexpr const char* kSetName = "a set of descriptors";

}  // namespace

Result<AnyReadable> AnyReadable::make() {
  FileHandle epoll(::epoll_create1(EPOLL_CLOEXEC));
  if (!epoll.is_open()) return system_failure("make", kSetName, errno);
  return AnyReadable(std::move(epoll));
}

Status AnyReadable::add(int descriptor) {
  epoll_event event{};
  event.events = EPOLLIN;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &event) != 0) {
    return system_failure("wait on", kSetName, errno);
  }
  return {};
}

bool AnyReadable::wait(int timeout_ms) const {
  pollfd entry{epoll_.get(), POLLIN, 0};
  return ::poll(&entry, 1, timeout_ms) > 0;
}

}  // namespace hearth::os
