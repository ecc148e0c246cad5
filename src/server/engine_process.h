// SPDX-License-Identifier: MIT
// One engine process as the server holds it: started, spoken to, watched, ended. Everything happens
// on the thread that runs the io_context; nothing waits.
// The process is given up, and killed, when it breaks the protocol, when it is silent though it has
// something to do, or when its steps stand still. Whatever happens, on_end comes last, once, with
// the reason.
#pragma once
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/protocol.h"
#include "os/spawned_child.h"

namespace hearth::server {

// How an engine process is started.
struct EngineProgram {
  std::string program;  // empty: the program that runs now
  std::vector<std::string> args = {"engine"};
  // Variables that are passed on where they are set; it gets no others.
  std::vector<std::string> environment = {"HEARTH_ISA", "HEARTH_LOG"};
};

struct Patience {
  std::chrono::milliseconds silence{30'000};  // without a heartbeat, which is due every second
  // Without a step. One step is a second of computing at most, but a machine may be slow, or page.
  std::chrono::milliseconds step{300'000};
  std::chrono::milliseconds goodbye{3'000};    // after it was asked to end
  std::chrono::milliseconds look_every{1000};  // only while there is something to do
};

struct EngineListener {
  std::function<void(engine::Loaded)> on_loaded;
  std::function<void(engine::Refused)> on_refused;
  std::function<void(engine::Event)> on_event;
  std::function<void(engine::Stats)> on_stats;
  // The process is gone and its memory free. The reason it ended; kInterrupted where stop() did it.
  std::function<void(Error)> on_end;
};

class EngineProcess {
 public:
  // The thread that calls this outlives the process. The listener is called from the io_context,
  // never from within a call of this class.
  static Result<std::unique_ptr<EngineProcess>> start(boost::asio::io_context& io,
                                                      const EngineProgram& program,
                                                      const Patience& patience,
                                                      const engine::Load& load,
                                                      EngineListener listener);
  // Kills the process where it still runs and waits for its end; nothing more is told. Of the
  // listener's functions only on_end may lead here.
  ~EngineProcess();
  EngineProcess(const EngineProcess&) = delete;
  EngineProcess& operator=(const EngineProcess&) = delete;

  int pid() const;

  // False from the first sign of its end on, which may be seconds before on_end: what is sent then
  // reaches nobody.
  bool takes_messages() const;

  // Errors: the message is too long, or the process takes nothing in and too much waits for it, or
  // it takes no messages any more.
  Status send(const engine::Message& message);

  // Whether an answer is due: only then silence is a fault. True from the start, as it loads.
  void expect_work(bool due);

  // Asks it to end, and makes it after a while.
  void stop();
  // Makes it end.
  void end_now();

 private:
  struct State;
  explicit EngineProcess(std::shared_ptr<State> state) : state_(std::move(state)) {}
  std::shared_ptr<State> state_;
};

// What a process's end means, for whoever waited for an answer.
Error error_of_end(const std::string& model, const os::ChildEnd& end);

}  // namespace hearth::server
