// SPDX-License-Identifier: MIT
// Options of one dash and several letters, as llama.cpp has them ("-ctk q8_0"). The option parser
// would read "-ctk" as "-c tk"; here they become their long form before it sees them.
#pragma once
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace hearth::cli {

// Replaces whole arguments before "--", and only by options that `app` has.
void expand_known_spellings(std::vector<std::string>& args, const CLI::App& app);

}  // namespace hearth::cli
