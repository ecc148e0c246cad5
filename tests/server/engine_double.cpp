// SPDX-License-Identifier: MIT
// An engine process without a model, which does as it is told: by the name of its "model" file
// while loading, by the prompt of a job while computing. Everything else of it is the real one: the
// channel, the sandbox, the loop.
//   files    contain "crash", "refuse", "slow", "large", "endless" (loads for ever)
//   prompts  "crash", "exit", "lose the file", "hang", "hang up" (ends its side of the channel and
//            goes on), "attack" (tries what the sandbox forbids and answers with what was allowed),
//            "slow" (5 ms for each piece); others count
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>

#include "engine/worker.h"
#include "os/fault_exit.h"
#include "os/mapped_file.h"
#include "os/spawned_child.h"
#include "tests/engine/toy_jobs.h"

namespace hearth::test {
namespace {

void sleep_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

// What of the forbidden works all the same.
std::string attack(const std::string& model_file) {
  std::string worked;
  const auto attempt = [&](const char* name, bool success) {
    if (success) worked += std::string(name) + " ";
  };
  attempt("open", ::open("/etc/passwd", O_RDONLY) >= 0);
  attempt("open-model", ::open(model_file.c_str(), O_RDONLY) >= 0);
  attempt("socket", ::socket(AF_INET, SOCK_STREAM, 0) >= 0);
  attempt("fork", ::fork() >= 0);
  attempt("signal", ::kill(::getppid(), 0) == 0);
  ::execl("/bin/echo", "echo", nullptr);
  return worked.empty() ? "nothing" : worked;
}

class Double final : public ToyJobs {
 public:
  Double(engine::EventSink sink, os::MappedFile file)
      : ToyJobs(std::move(sink)), file_(std::move(file)) {}

 protected:
  std::string piece(const engine::Job& job, int64_t i) override {
    if (job.prompt == "crash") ::raise(SIGSEGV);
    if (job.prompt == "exit") ::_exit(3);
    if (job.prompt == "hang up") ::shutdown(os::kChannelDescriptor, SHUT_WR);
    if (job.prompt.starts_with("hang")) sleep_ms(1'000'000);
    if (job.prompt == "slow") sleep_ms(5);
    if (job.prompt == "attack") return attack(file_.path());
    if (job.prompt == "lose the file") {
      const volatile uint8_t* const bytes = file_.bytes().data();
      return std::to_string(bytes[i * 4096]);
    }
    return ToyJobs::piece(job, i);
  }

 private:
  os::MappedFile file_;
};

Result<engine::OpenModel> open_double(const engine::Load& load, engine::EventSink sink) {
  const std::string name = std::filesystem::path(load.file).filename().string();
  const auto is = [&](const char* what) { return name.find(what) != std::string::npos; };
  if (is("crash")) ::raise(SIGSEGV);
  if (is("refuse")) return corrupt("{}: this file is no model", load.name);
  if (is("slow")) sleep_ms(300);
  if (is("endless")) sleep_ms(1'000'000);
  TRY_LET(os::MappedFile file, os::MappedFile::open(load.file));
  engine::OpenModel model;
  model.loaded.arch = "double";
  model.loaded.n_ctx = load.n_ctx > 0 ? load.n_ctx : 2048;
  model.loaded.n_sequences = load.n_sequences;
  model.loaded.file_bytes = file.bytes().size();
  model.loaded.kv_bytes = is("large") ? uint64_t{64} << 20 : 1 << 20;
  model.jobs = std::make_unique<Double>(std::move(sink), std::move(file));
  return model;
}

int run() {
  os::exit_when_mapped_file_is_lost();
  const os::FileHandle channel(os::kChannelDescriptor);
  if (!os::tie_to_parent()) return 1;
  return engine::run_worker(channel, open_double, {.heartbeat_ms = 50}) ? 0 : 1;
}

}  // namespace
}  // namespace hearth::test

int main() { ::_exit(hearth::test::run()); }
