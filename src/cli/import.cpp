// SPDX-License-Identifier: MIT
// hearth import: takes a GGUF file that the user has into the store.
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/options.h"
#include "cli/progress_line.h"
#include "cli/verb.h"
#include "hub/store.h"
#include "os/interrupt.h"

namespace hearth::cli {
namespace {

class Import final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "FILE", file_, "A GGUF file; of a split model, the first part").required();
    add_option(app, "--name", options_.name,
               "The name in the store (default: from the file's name)");
    add_flag(app, "--link", options_.link, "Leave the file where it lies instead of copying it");
  }

  Status run(Output& out) override {
    TRY_LET(hub::Store store, hub::Store::of_user());
    const os::InterruptGuard interrupt;
    ProgressLine line("importing");
    const auto progress = [&](uint64_t done, uint64_t total) {
      line.show(done, total);
      return !interrupt.pressed();
    };
    TRY_LET(const hub::StoredModel model, store.import_file(file_, options_, progress));
    if (out.json()) {
      out.write_json({{"name", model.name},
                      {"bytes", model.bytes},
                      {"file", model.file.string()},
                      {"linked", model.linked},
                      {"sha256", model.sha256}});
    } else {
      out.line("{} {} as {} ({})", model.linked ? "linked" : "imported", printable(file_),
               model.name, format_bytes(model.bytes));
    }
    return {};
  }

 private:
  std::string file_;
  hub::ImportOptions options_;
};

}  // namespace

VerbInfo verb_import() {
  return {.name = "import",
          .summary = "Take a GGUF file into the store",
          .examples =
              "hearth import ~/Downloads/Qwen3-4B-Q4_K_M.gguf --name qwen3-4b\n"
              "hearth import big-00001-of-00003.gguf --link",
          .has_json = true,
          .make = make_verb<Import>};
}

}  // namespace hearth::cli
