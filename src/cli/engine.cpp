// SPDX-License-Identifier: MIT
// hearth engine: the process that holds one model for hearth serve, which starts it and speaks to
// it over an inherited socket (engine/protocol.h). Not for people.
#include <cstdlib>
#include <new>

#include "base/log.h"
#include "cli/verb.h"
#include "engine/open_model.h"
#include "engine/worker.h"
#include "os/fault_exit.h"
#include "os/socket_pair.h"
#include "os/spawned_child.h"

namespace hearth::cli {
namespace {

class EngineVerb final : public Verb {
 public:
  void add_options(CLI::App&) override {}

  Status check() override {
    if (os::is_socket(os::kChannelDescriptor)) return {};
    return with_hint(invalid("hearth engine is started by hearth serve alone"),
                     "hearth run talks to a model");
  }

  Status run(Output&) override {
    os::exit_when_mapped_file_is_lost();
    TRY(os::tie_to_parent());
    // Without destructors and checks of the runtime at the end: the system takes all back at once,
    // and the sandbox would refuse what they try.
    std::_Exit(serve());
  }

 private:
  static int serve() {
    const os::FileHandle channel(os::kChannelDescriptor);
    try {
      const Status served = engine::run_worker(channel, engine::open_model, {});
      if (!served) log_info("engine process: {}", served.error().message);
      return served ? 0 : 1;
    } catch (const std::bad_alloc&) {
      return engine::kExitNoMemory;
    }
  }
};

}  // namespace

VerbInfo verb_engine() {
  return {.name = "engine",
          .summary = "Hold one model for hearth serve",
          .examples = "",
          .is_internal = true,
          .make = make_verb<EngineVerb>};
}

}  // namespace hearth::cli
