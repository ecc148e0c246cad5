// SPDX-License-Identifier: MIT
// hearth serve: answers programs over HTTP, with one engine process for each loaded model.
#include "base/env.h"
#include "base/log.h"
#include "cli/log_reader.h"
#include "cli/serve_options.h"
#include "cli/verb.h"
#include "hub/store.h"
#include "os/dirs.h"
#include "os/memory.h"
#include "server/model_host.h"
#include "server/serving.h"

namespace hearth::cli {
namespace {

constexpr std::chrono::seconds kLastJobs{1};  // streams had their grace already

class Serve final : public Verb {
 public:
  void add_options(CLI::App& app) override { options_.add_options(app); }

  Status check() override {
    TRY(options_.read_env(env));
    TRY_LET(serving_, options_.serving());
    serving_.app.version = HEARTH_VERSION;
    return {};
  }

  Status run(Output& out) override {
    os::give_freed_memory_back();
    TRY_LET(hub::Store store, hub::Store::of_user());
    TRY_LET(server::KeyStore keys, server::KeyStore::of_user());
    TRY_LET(server::Profiles profiles, server::Profiles::of_user());
    TRY(keys.list());  // a damaged file is told now, not at the first request
    TRY(profiles.list());
    if (const Status logs = keep_log(); !logs) out.note("no log is kept: {}", logs.error().message);
    server::ModelHost models(std::move(store), host_options());
    TRY_LET(const auto serving,
            server::Serving::open(serving_, models, std::move(keys), std::move(profiles)));
    greet(out, *serving);
    if (!options_.model.empty()) preload(models);
    for (const http::BoundAddress& at : serving->bound()) {
      log_info("serve: hearth {} listens on {}", HEARTH_VERSION, url(at));
    }
    serving->run();
    log_info("serve: the end");
    models.shutdown(kLastJobs);
    return {};
  }

 private:
  static Status keep_log() {
    TRY_LET(const std::filesystem::path file, log_file());
    TRY(os::make_folders(file.parent_path()));
    return log_to_file(file);
  }

  server::ModelHostOptions host_options() const {
    server::ModelHostOptions host;
    if (options_.n_parallel > 0) host.load.n_sequences = static_cast<int>(options_.n_parallel);
    if (options_.n_ctx > 0) host.load.n_ctx = static_cast<int>(options_.n_ctx);
    if (const auto keep = serving_.app.default_wish.keep_alive_s) host.keep_alive_s = *keep;
    host.max_loaded = static_cast<size_t>(options_.n_max_loaded);
    return host;
  }

  void preload(server::ModelHost& models) const {
    models.load(options_.model, serving_.app.default_wish, [name = options_.model](Status loaded) {
      if (!loaded) log_error("serve: cannot load {}: {}", name, loaded.error().message);
    });
  }

  static std::string url(const http::BoundAddress& at) {
    const bool v6 = at.address.find(':') != std::string::npos;
    return fmt::format("http://{}{}{}:{}", v6 ? "[" : "", at.address, v6 ? "]" : "", at.port);
  }

  static void greet(Output& out, const server::Serving& serving) {
    for (const http::BoundAddress& at : serving.bound()) out.line("listening on {}", url(at));
    for (const std::string& note : serving.notes()) out.note("{}", note);
    const std::string first = url(serving.bound().front());
    out.line("models: curl {}/v1/models", first);
    out.line(
        "chat:   curl {}/v1/chat/completions "
        R"(-d '{{"model":"NAME","messages":[{{"role":"user","content":"Hi"}}]}}')",
        first);
  }

  ServeOptions options_;
  server::ServingOptions serving_;
};

}  // namespace

VerbInfo verb_serve() {
  return {.name = "serve",
          .summary = "Answer programs over HTTP: OpenAI, Ollama and others",
          .examples =
              "hearth serve\nhearth serve --also 11434,1234\n"
              "hearth serve --model smollm2-135m --keep-alive -1",
          .make = make_verb<Serve>};
}

}  // namespace hearth::cli
