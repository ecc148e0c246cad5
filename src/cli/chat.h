// SPDX-License-Identifier: MIT
// The chat at the terminal: reads messages, streams answers, obeys commands.
#pragma once
#include "cli/answer.h"
#include "cli/output.h"
#include "os/interrupt.h"

namespace hearth::cli {

// Until /quit, Ctrl-D, or Ctrl-C twice. A failed answer is told and the chat goes on.
Status chat(Answerer& answerer, const RunOptions& options, os::InterruptGuard& interrupt,
            Output& out);

}  // namespace hearth::cli
