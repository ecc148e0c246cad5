// SPDX-License-Identifier: MIT
// A model of the catalogue on its way into the store. scripts/fetch_model does it, which is a part
// of the program (fetch_script.h): it runs as `python3` in a process group of its own, is given the
// script and the catalogue through descriptors, and says in lines of JSON how far it is. What it
// gets of the environment is named (the store, pip's settings, proxies); no key, no socket.
// In: a name of the catalogue. Out: steps, then whether the store has the model.
// Whoever waits for it does so on descriptor(), in an event loop or with wait(). One thread.
#pragma once
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/catalogue.h"
#include "os/any_readable.h"
#include "os/file_handle.h"
#include "os/spawned_child.h"

namespace hearth::hub {

struct FetchSettings {
  const Catalogue* catalogue = &Catalogue::built_in();  // outlives whoever has the settings
  std::string python = "python3";                       // a path, or a name in PATH
  std::filesystem::path home;                           // of the store; empty: os::hearth_home()
};

enum class FetchStage {
  kWaiting,  // for another fetch of the same model, or another change of the store
  kChecking,
  kDownloading,
  kUnpacking,  // and checking
  kWriting,    // what makes the model exist
};

struct FetchStep {
  FetchStage stage = FetchStage::kWaiting;
  std::string name;  // what is waited for, or the model or file that it is about
  uint64_t done_bytes = 0, total_bytes = 0;
};

class Fetch {
 public:
  // `name`: of the catalogue. Errors: there is no Python.
  static Result<Fetch> start(const FetchSettings& settings, const std::string& name);

  // To be waited on: when it can be read, advance() has something to do. Borrowed; the same until
  // the end.
  int descriptor() const { return ready_.descriptor(); }
  // The same without an event loop; false after timeout_ms, or when a signal came.
  bool wait(int timeout_ms) const { return ready_.wait(timeout_ms); }

  // What was said since; never waits.
  std::vector<FetchStep> advance();
  // Its process and all that this has started are gone.
  bool over() const { return over_; }
  // Once over: the store has the model, or why not. kInterrupted after stop().
  const Status& result() const { return result_; }

  // Asks it to end; the parts that it has whole are kept for the next attempt.
  void stop();
  // Makes it end.
  void kill() { child_.kill(); }

 private:
  Fetch(os::SpawnedChild child, os::FileHandle output, os::AnyReadable ready)
      : child_(std::move(child)), output_(std::move(output)), ready_(std::move(ready)) {}
  void read(std::vector<FetchStep>& steps);
  Status take_line(std::string_view line, std::vector<FetchStep>& steps);
  void finish(const os::ChildEnd& end);

  os::SpawnedChild child_;  // ends before what it writes to
  os::FileHandle output_;
  os::AnyReadable ready_;
  std::string unread_;  // the beginning of a line
  std::optional<Status> last_word_;
  bool stopped_ = false, over_ = false;
  Status result_;
};

}  // namespace hearth::hub
