// SPDX-License-Identifier: MIT
// One descriptor that stands for several: it can be read when any of them can. For event loops, and
// for those who wait without one. Source: epoll(7). One thread.
#pragma once
#include "base/result.h"
#include "os/file_handle.h"

namespace hearth::os {

class AnyReadable {
 public:
  static Result<AnyReadable> make();

  // Borrowed; one that is closed later leaves by itself.
  Status add(int descriptor);
  // Borrowed. To wait on, not to read from.
  int descriptor() const { return epoll_.get(); }
  // True where something can be read; false after timeout_ms (-1: no bound), or when a signal came.
  bool wait(int timeout_ms) const;

 private:
  explicit AnyReadable(FileHandle epoll) : epoll_(std::move(epoll)) {}
  FileHandle epoll_;
};

}  // namespace hearth::os
