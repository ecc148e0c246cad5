// SPDX-License-Identifier: MIT
#include <array>

#include "cli/verb.h"

namespace hearth::cli {

#define HEARTH_VERB(name) VerbInfo verb_##name();
#include "cli/verbs.inc"
#undef HEARTH_VERB

std::span<const VerbInfo> all_verbs() {
  static const auto table = std::to_array<VerbInfo>({
#define HEARTH_VERB(name) verb_##name(),
#include "cli/verbs.inc"
#undef HEARTH_VERB
  });
  return table;
}

}  // namespace hearth::cli
