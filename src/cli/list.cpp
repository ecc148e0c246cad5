// SPDX-License-Identifier: MIT
// hearth list: the models of the store.
#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/units.h"
#include "cli/verb.h"
#include "hub/catalogue.h"
#include "hub/store.h"

namespace hearth::cli {
namespace {

nlohmann::json as_json(const hub::StoredModel& model) {
  return {{"name", model.name},    {"format", model.format},      {"arch", model.arch},
          {"quant", model.quant},  {"licence", model.licence},    {"source", model.source},
          {"bytes", model.bytes},  {"file", model.file.string()}, {"linked", model.linked},
          {"sha256", model.sha256}};
}

class List final : public Verb {
 public:
  void add_options(CLI::App&) override {}

  Status run(Output& out) override {
    TRY_LET(const hub::Store store, hub::Store::of_user());
    TRY_LET(const hub::Listing listing, store.list());
    if (out.json()) {
      nlohmann::json models = nlohmann::json::array();
      for (const hub::StoredModel& model : listing.models) models.push_back(as_json(model));
      out.write_json({{"models", models}, {"warnings", listing.warnings}});
      return {};
    }
    write_table(out, listing.models);
    for (const std::string& warning : listing.warnings) out.note("{}", printable(warning));
    if (listing.models.empty()) {
      out.note("no models in {}; fetch one with: hearth pull {}",
               printable(store.folder().string()), hub::Catalogue::built_in().default_model().name);
    }
    return {};
  }

 private:
  static void write_table(Output& out, const std::vector<hub::StoredModel>& models) {
    if (models.empty()) return;
    size_t width = 4;
    for (const hub::StoredModel& model : models) width = std::max(width, model.name.size());
    out.line("{:<{}}  {:>10}  {:<12}  {:<8}  {}", "NAME", width, "SIZE", "ARCHITECTURE", "QUANT",
             "LICENCE");
    for (const hub::StoredModel& model : models) {
      out.line("{:<{}}  {:>10}  {:<12}  {:<8}  {}{}", model.name, width, format_bytes(model.bytes),
               printable(model.arch), printable(model.quant), printable(model.licence),
               model.linked ? "  -> " + printable(model.file.string()) : "");
    }
  }
};

}  // namespace

VerbInfo verb_list() {
  return {.name = "list",
          .summary = "The models on this machine",
          .examples = "hearth list\nhearth list --json",
          .has_json = true,
          .make = make_verb<List>};
}

}  // namespace hearth::cli
