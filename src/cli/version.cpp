// SPDX-License-Identifier: MIT
// hearth version: which program this is, for people and for bug reports.
#include <nlohmann/json.hpp>

#include "cli/verb.h"

namespace hearth::cli {
namespace {

class Version final : public Verb {
 public:
  void add_options(CLI::App&) override {}
  Status run(Output& out) override {
    if (out.json()) {
      out.write_json({{"version", HEARTH_VERSION}, {"compiler", __VERSION__}});
    } else {
      out.line("hearth {}", HEARTH_VERSION);
    }
    return {};
  }
};

}  // namespace

VerbInfo verb_version() {
  return {.name = "version",
          .summary = "Which hearth this is",
          .examples = "hearth version --json",
          .has_json = true,
          .make = make_verb<Version>};
}

}  // namespace hearth::cli
