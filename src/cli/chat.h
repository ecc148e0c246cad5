// SPDX-License-Identifier: MIT
// The chat at the terminal: reads messages, streams answers, obeys commands.
#pragma once
#include "cli/chat_partner.h"
#include "cli/output.h"
#include "cli/run_options.h"
#include "os/interrupt.h"

namespace hearth::cli {

// Until /quit, Ctrl-D, or Ctrl-C twice. A failed answer is told and the chat goes on.
Status chat(Partner& partner, const RunOptions& options, os::InterruptGuard& interrupt,
            Output& out);

}  // namespace hearth::cli
