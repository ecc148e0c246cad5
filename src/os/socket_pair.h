// SPDX-License-Identifier: MIT
// Two connected sockets between a parent and its child: bytes in order, both ways, with nobody else
// on them. The ends block; a parent with an event loop makes its own end do otherwise. A peer that
// is gone is an error, never a signal. Source: unix(7).
#pragma once
#include <cstddef>
#include <span>
#include <string_view>

#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

struct SocketPair {
  FileHandle ours, theirs;  // both are closed in programs that are started
};

Result<SocketPair> make_socket_pair();

// All of `bytes`, however long the peer takes to read them. Thread rule: one writer at a time.
Status send_all(const FileHandle& socket, std::string_view bytes);

// What is there, at least one byte; 0 where the peer has closed its end.
Result<size_t> receive_some(const FileHandle& socket, std::span<char> into);

// True where receive_some() will not wait. timeout_ms of -1: no bound.
bool wait_until_readable(const FileHandle& socket, int timeout_ms);

// Whether the descriptor is open and a socket: what a process was given by its parent.
bool is_socket(int descriptor);

// Wakes whoever waits to read here: for them the peer has closed its end.
void end_reading(const FileHandle& socket);

// True where a message of at most some KiB can be sent without waiting.
bool can_send_now(const FileHandle& socket);

}  // namespace hearth::os
