// SPDX-License-Identifier: MIT
// What stands at the other end of the standard streams.
#pragma once

namespace hearth::os {

enum class Stream { kIn = 0, kOut = 1, kErr = 2 };

bool is_terminal(Stream stream);

// Columns of the terminal, else $COLUMNS, else 80.
int terminal_columns();

// Colours and cursor movement are welcome: a terminal that is not "dumb", and NO_COLOR is unset.
bool wants_colour(Stream stream);

// Stops the process as Ctrl-Z does; returns when the shell lets it go on.
void suspend_process();

}  // namespace hearth::os
