// SPDX-License-Identifier: MIT
#include "os/socket_pair.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cerrno>

#include "os/failure.h"

namespace hearth::os {
namespace {

constexpr const char* kSocketName = "the socket between two processes";

short wait_for(const FileHandle& socket, short what, int timeout_ms) {
  pollfd entry{socket.get(), what, 0};
  int n = 0;
  do {
    n = ::poll(&entry, 1, timeout_ms);
  } while (n < 0 && errno == EINTR);
  return n > 0 ? entry.revents : short{0};
}

}  // namespace

Result<SocketPair> make_socket_pair() {
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    return system_failure("make", kSocketName, errno);
  }
  return SocketPair{FileHandle(ends[0]), FileHandle(ends[1])};
}

Status send_all(const FileHandle& socket, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_failure("write to", kSocketName, errno);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  return {};
}

Result<size_t> receive_some(const FileHandle& socket, std::span<char> into) {
  while (true) {
    const ssize_t n = ::recv(socket.get(), into.data(), into.size(), 0);
    if (n >= 0) return static_cast<size_t>(n);
    if (errno == ECONNRESET) return size_t{0};
    if (errno != EINTR) return system_failure("read from", kSocketName, errno);
  }
}

bool wait_until_readable(const FileHandle& socket, int timeout_ms) {
  return wait_for(socket, POLLIN, timeout_ms) != 0;
}

bool is_socket(int descriptor) {
  struct stat facts {};
  return ::fstat(descriptor, &facts) == 0 && S_ISSOCK(facts.st_mode);
}

void end_reading(const FileHandle& socket) { ::shutdown(socket.get(), SHUT_RD); }

bool can_send_now(const FileHandle& socket) {
  // A stream socket counts as writable while three quarters of its buffer are free (unix(7)).
  return (wait_for(socket, POLLOUT, 0) & POLLOUT) != 0;
}

}  // namespace hearth::os
