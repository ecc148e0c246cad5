// SPDX-License-Identifier: MIT
#include "engine/worker.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "engine/worker_channel.h"
#include "file/split.h"
#include "os/cpu_info.h"
#include "os/sandbox.h"
#include "os/socket_pair.h"
#include "text/messages.h"

namespace hearth::engine {
namespace {

namespace fs = std::filesystem;

// Below this a chat is of no use: rather refuse.
constexpr int kLeastContext = 4096;

// The first message, before there is a second thread.
Result<Load> receive_load(const os::FileHandle& channel) {
  FrameBuffer frames;
  while (true) {
    TRY_LET(const auto payload, frames.next());
    if (payload) {
      auto message = decode(*payload);
      if (!message) return Failure(message.error());
      if (auto* const load = std::get_if<Load>(&*message)) return std::move(*load);
      return invalid("the first message is not the model to load");
    }
    // One byte too many would belong to the next message, which nobody sends before the answer.
    char buffer[4096];
    TRY_LET(const size_t n, os::receive_some(channel, buffer));
    if (n == 0) return interrupted("the channel has ended");
    frames.append({buffer, n});
  }
}

// The model's files, and what tells how much memory there is.
std::vector<fs::path> readable_paths(const Load& load) {
  std::vector<fs::path> paths = {"/proc/meminfo", "/proc/self", "/sys/fs/cgroup"};
  const fs::path file = load.file;
  const auto split = file::parse_split_name(file.filename().string());
  if (!split) {
    paths.push_back(file);
    return paths;
  }
  for (int i = 1; i <= split->n_parts; ++i) {
    paths.push_back(file.parent_path() / file::split_file_name(split->stem, i, split->n_parts));
  }
  return paths;
}

// What libraries read once, as long as they can.
void read_ahead_of_sandbox() {
  logger();
  os::cpu_info();
  text::ChatInput::local_now();
}

class Worker {
 public:
  Worker(const os::FileHandle& channel, const WorkerOptions& options)
      : options_(options), outbox_(channel), inbox_(channel, outbox_, options.heartbeat_ms) {}

  ~Worker() { inbox_.set_jobs(nullptr); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  Status load(const Load& load, const ModelOpener& open, os::SandboxFacts facts) {
    const Stopwatch watch;
    auto model = open_that_fits(load, open);
    if (!model) {
      outbox_.add(Refused{model.error()});
      outbox_.flush();
      return Failure(model.error());
    }
    if (options_.sandbox) os::close_files(facts);
    for (const std::string& line : facts.missing) log_info("sandbox: {}", line);
    jobs_ = std::move(model->jobs);
    inbox_.set_jobs(jobs_.get());
    model->loaded.sandbox = std::move(facts);
    model->loaded.load_ms = watch.elapsed_ms();
    outbox_.add(std::move(model->loaded));
    outbox_.flush();
    return {};
  }

  Status serve() {
    bool moved = true;  // the last step did something
    while (true) {
      const auto wait = jobs_->idle() ? Inbox::Wait::kForAny
                        : moved       ? Inbox::Wait::kNot
                                      : Inbox::Wait::kABit;
      for (Message& message : inbox_.take(wait)) {
        TRY_LET(const bool goes_on, handle(message));
        if (!goes_on) return {};
      }
      if (const auto end = inbox_.end()) return *end;
      outbox_.flush();  // what the messages led to does not wait for the step
      if (!jobs_->idle()) {
        moved = jobs_->step();
        inbox_.count_step();
      }
      outbox_.flush();
      TRY(outbox_.status());
    }
  }

 private:
  // Memory is promised when the model is opened but used only when it computes, so what is too much
  // costs nothing yet.
  Result<OpenModel> open_that_fits(Load load, const ModelOpener& open) {
    int first_n_ctx = 0;
    while (true) {
      TRY_LET(OpenModel model, open(load, [this](Event event) { outbox_.add(std::move(event)); }));
      Loaded& loaded = model.loaded;
      const uint64_t needed = loaded.file_bytes + loaded.kv_bytes + loaded.scratch_bytes;
      if (load.memory_bytes == 0 || needed <= load.memory_bytes) {
        if (first_n_ctx > loaded.n_ctx) {
          loaded.warnings.push_back(fmt::format("context {} instead of {}: {} of memory are free",
                                                loaded.n_ctx, first_n_ctx,
                                                format_bytes(load.memory_bytes)));
        }
        return model;
      }
      const bool is_ours = first_n_ctx > 0 || load.n_ctx == 0;
      if (!is_ours || loaded.encoder || loaded.n_ctx <= kLeastContext) {
        return with_hint(
            no_memory("{} needs {} (weights {}, cache {}, scratch {}), {} of memory are free",
                      load.name, format_bytes(needed), format_bytes(loaded.file_bytes),
                      format_bytes(loaded.kv_bytes), format_bytes(loaded.scratch_bytes),
                      format_bytes(load.memory_bytes)),
            "use a shorter context, fewer answers at once, or a smaller file");
      }
      if (first_n_ctx == 0) first_n_ctx = loaded.n_ctx;
      load.n_ctx = std::max(kLeastContext, loaded.n_ctx / 2);
    }
  }

  Result<bool> handle(Message& message) {
    if (auto* const job = std::get_if<Job>(&message)) {
      jobs_->submit(std::move(*job));
    } else if (const auto* const cancel = std::get_if<Cancel>(&message)) {
      jobs_->cancel(cancel->id);
    } else if (const auto* const park = std::get_if<Park>(&message)) {
      jobs_->park(park->id, park->parked);
    } else if (const auto* const request = std::get_if<StatsRequest>(&message)) {
      outbox_.add(Stats{request->id, inbox_.n_steps(), jobs_->stats()});
    } else if (std::holds_alternative<Shutdown>(message)) {
      return false;
    } else {
      return invalid("a message that no server sends");
    }
    return true;
  }

  WorkerOptions options_;
  Outbox outbox_;
  Inbox inbox_;
  std::unique_ptr<JobSource> jobs_;
};

}  // namespace

Status run_worker(const os::FileHandle& channel, const ModelOpener& open,
                  const WorkerOptions& options) {
  TRY_LET(const Load load, within("engine channel", receive_load(channel)));
  os::SandboxFacts facts;
  if (options.sandbox) {
    read_ahead_of_sandbox();
    facts = os::enter_sandbox(readable_paths(load));
  }
  Worker worker(channel, options);
  TRY(worker.load(load, open, std::move(facts)));
  return within("engine channel", worker.serve());
}

}  // namespace hearth::engine
