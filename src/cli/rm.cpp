// SPDX-License-Identifier: MIT
// hearth rm: removes a model from the store. The files of a linked model stay.
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/options.h"
#include "cli/verb.h"
#include "hub/store.h"

namespace hearth::cli {
namespace {

class Remove final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "NAME", name_, "The model's name, as hearth list shows it").required();
  }

  Status run(Output& out) override {
    TRY_LET(hub::Store store, hub::Store::of_user());
    // Asked before, for the message; a damaged model can be removed all the same.
    const auto model = store.find(name_);
    TRY(store.remove(name_));
    const bool linked = model && model->linked;
    const uint64_t freed = model && !linked ? model->bytes : 0;
    if (out.json()) {
      out.write_json({{"removed", name_}, {"freed_bytes", freed}});
    } else if (linked) {
      out.line("removed {}; its file stays: {}", name_, printable(model->file.string()));
    } else {
      out.line("removed {} ({})", name_, format_bytes(freed));
    }
    return {};
  }

 private:
  std::string name_;
};

}  // namespace

VerbInfo verb_rm() {
  return {.name = "rm",
          .summary = "Remove a model from the store",
          .examples = "hearth rm smollm2-135m",
          .has_json = true,
          .make = make_verb<Remove>};
}

}  // namespace hearth::cli
