// SPDX-License-Identifier: MIT
// The engine process: reads messages from the channel on a thread of its own, runs jobs on the
// calling thread, writes events. Between two steps everything that came is dealt with, so a cancel
// takes one step. Nothing grows with the other end's slowness: when it does not read, writing
// waits, and with it all jobs. Nothing is polled while there is nothing to do.
#pragma once
#include "base/result.h"
#include "engine/job_source.h"
#include "os/file_handle.h"

namespace hearth::engine {

// How an engine process ends, beside 0, 1 and os::kMappedFileLost.
inline constexpr int kExitNoMemory = 98;

struct WorkerOptions {
  // Gives up all that the model's reading does not need (os/sandbox.h). Off in tests in which the
  // worker is a thread of the test.
  bool sandbox = true;
  int heartbeat_ms = 1000;
};

// Serves until the other end asks for the end or is gone. Errors: the channel or the protocol is
// broken, or the model cannot be loaded (which the other end has been told).
Status run_worker(const os::FileHandle& channel, const ModelOpener& open,
                  const WorkerOptions& options);

}  // namespace hearth::engine
