// SPDX-License-Identifier: MIT
#include "server/engine_process.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <csignal>
#include <deque>
#include <optional>

#include "base/clock.h"
#include "base/log.h"
#include "base/units.h"
#include "engine/worker.h"
#include "os/fault_exit.h"
#include "os/socket_pair.h"

namespace hearth::server {
namespace {

namespace asio = boost::asio;
using ErrorCodeOf = boost::system::error_code;

constexpr size_t kReadBytes = 64 * 1024;
// Messages that the process has not taken yet. It takes them between two steps, so more than a few
// large requests mean that it hangs.
constexpr size_t kMaxUnsent = size_t{256} << 20;

constexpr const char* kRestarts = "hearth starts the engine again with the next request";

}  // namespace

Error error_of_end(const std::string& model, const os::ChildEnd& end) {
  Error error{ErrorCode::kIo, fmt::format("{}: the engine process ended ({})", model, end.text()),
              kRestarts};
  if (!end.by_signal && end.code == os::kMappedFileLost) {
    error = {ErrorCode::kIo,
             fmt::format("{}: the model's file was written to or became shorter, or its disk "
                         "failed, while in use",
                         model),
             "put the file back, or remove the model and fetch it again"};
  } else if (!end.by_signal && end.code == engine::kExitNoMemory) {
    error = {ErrorCode::kNoMemory, fmt::format("{}: the engine process ran out of memory", model),
             "use a shorter context, or a smaller model"};
  } else if (end.by_signal && end.code == SIGKILL) {
    error.hint = fmt::format("mostly the system does this when memory ends; {}", kRestarts);
  }
  return error;
}

// Shared with the handlers that are under way.
struct EngineProcess::State : std::enable_shared_from_this<State> {
  State(asio::io_context& io, os::SpawnedChild started, os::FileHandle channel)
      : child(std::move(started)),
        socket(io, asio::local::stream_protocol(), channel.release()),
        end_seen(io, child.end_descriptor()),
        watch(io),
        goodbye(io) {}
  ~State() { end_seen.release(); }  // the child's to close

  void begin() {
    last_heard = last_progress = Clock::now();
    read();
    end_seen.async_wait(asio::posix::descriptor_base::wait_read,
                        [self = shared_from_this()](ErrorCodeOf failed) {
                          if (!failed) self->process_ended();
                        });
    look_again();
  }

  void read() {
    socket.async_read_some(asio::buffer(buffer),
                           [self = shared_from_this()](ErrorCodeOf failed, size_t n) {
                             if (self->closed) return;
                             if (failed) return self->channel_ended();
                             self->take({self->buffer.data(), n});
                           });
  }

  void take(std::string_view bytes) {
    last_heard = Clock::now();
    frames.append(bytes);
    while (!closed && !fault) {
      const auto payload = frames.next();
      if (!payload) return give_up(broken(payload.error()));
      if (!*payload) break;
      auto message = engine::decode(**payload);
      if (!message) return give_up(broken(message.error()));
      hear(*message);
    }
    if (!closed && !fault) read();
  }

  void hear(engine::Message& message) {
    const auto told = [](const auto& listen, auto& value) {
      if (listen) listen(std::move(value));
    };
    if (auto* const event = std::get_if<engine::Event>(&message)) {
      last_progress = last_heard;
      told(listener.on_event, *event);
    } else if (const auto* const beat = std::get_if<engine::Heartbeat>(&message)) {
      if (beat->n_steps != n_steps || !loaded) last_progress = last_heard;
      n_steps = beat->n_steps;
    } else if (auto* const facts = std::get_if<engine::Loaded>(&message); facts && !loaded) {
      loaded = true;
      last_progress = last_heard;
      told(listener.on_loaded, *facts);
    } else if (auto* const refused = std::get_if<engine::Refused>(&message); refused && !loaded) {
      told(listener.on_refused, *refused);
    } else if (auto* const stats = std::get_if<engine::Stats>(&message)) {
      told(listener.on_stats, *stats);
    } else {
      give_up(broken({ErrorCode::kInvalid, "a message that no engine sends", ""}));
    }
  }

  Error broken(const Error& why) const {
    return {ErrorCode::kIo,
            fmt::format("{}: the engine process broke the protocol: {}", model, why.message),
            kRestarts};
  }

  // Nothing that it says counts any more.
  void give_up(Error why) {
    if (closed || fault) return;
    log_warn("{}; the process {} is killed", why.message, child.pid());
    fault = std::move(why);
    child.kill();
    channel_over = true;
    finish_when_over();
  }

  void channel_ended() {
    channel_over = true;
    if (!end) kill_later();  // it has closed its end, so it is about to go
    finish_when_over();
  }

  void process_ended() {
    end = child.poll_end();
    finish_when_over();
  }

  // What it had written before it ended has been read, and its memory is free.
  void finish_when_over() {
    if (closed || !channel_over || !end) return;
    Error why = error_of_end(model, *end);
    if (fault) why = *fault;
    if (stopping && !fault) why = {ErrorCode::kInterrupted, model + ": unloaded", ""};
    close();
    if (listener.on_end) std::exchange(listener, {}).on_end(std::move(why));
  }

  void close() {
    closed = true;
    ErrorCodeOf ignored;
    socket.close(ignored);
    end_seen.cancel(ignored);
    watch.cancel();
    goodbye.cancel();
  }

  void look_again() {
    if (closed || watching || !work_due) return;
    watching = true;
    watch.expires_after(patience.look_every);
    watch.async_wait([self = shared_from_this()](ErrorCodeOf failed) {
      self->watching = false;
      if (failed || self->closed || !self->work_due) return;
      self->look();
      self->look_again();
    });
  }

  void look() {
    const auto now = Clock::now();
    const auto silent = now - last_heard;
    const auto still = now - last_progress;
    const auto ms = [](auto d) { return std::chrono::duration<double, std::milli>(d).count(); };
    if (silent > patience.silence) {
      give_up({ErrorCode::kIo,
               fmt::format("{}: the engine process has not answered for {}", model,
                           format_ms(ms(silent))),
               kRestarts});
    } else if (loaded && still > patience.step) {
      give_up(
          {ErrorCode::kIo,
           fmt::format("{}: the engine has been at one step for {}", model, format_ms(ms(still))),
           kRestarts});
    }
  }

  void kill_later() {
    goodbye.expires_after(patience.goodbye);
    goodbye.async_wait([self = shared_from_this()](ErrorCodeOf failed) {
      if (!failed && !self->closed) self->child.kill();
    });
  }

  bool takes_messages() const { return !closed && !fault && !channel_over && !end; }

  Status send(const engine::Message& message) {
    if (!takes_messages()) return io_error("{}: the engine process is gone", model);
    TRY_LET(std::string frame, engine::encode(message));
    if (unsent_bytes + frame.size() > kMaxUnsent) {
      return over_limit("{}: the engine takes no more in", model);
    }
    unsent_bytes += frame.size();
    unsent.push_back(std::move(frame));
    if (unsent.size() == 1) write();
    return {};
  }

  void write() {
    asio::async_write(socket, asio::buffer(unsent.front()),
                      [self = shared_from_this()](ErrorCodeOf failed, size_t) {
                        // Where writing fails, reading ends too, and tells more.
                        if (failed || self->closed) return;
                        self->unsent_bytes -= self->unsent.front().size();
                        self->unsent.pop_front();
                        if (!self->unsent.empty()) self->write();
                      });
  }

  std::string model;
  Patience patience;
  EngineListener listener;
  os::SpawnedChild child;
  asio::local::stream_protocol::socket socket;
  asio::posix::stream_descriptor end_seen;
  asio::steady_timer watch, goodbye;

  std::array<char, kReadBytes> buffer;
  engine::FrameBuffer frames;
  std::deque<std::string> unsent;  // the first one is being written
  size_t unsent_bytes = 0;

  bool loaded = false, stopping = false, work_due = true, watching = false;
  bool channel_over = false, closed = false;
  std::optional<os::ChildEnd> end;
  std::optional<Error> fault;  // why it was given up
  Clock::time_point last_heard, last_progress;
  uint64_t n_steps = 0;
};

Result<std::unique_ptr<EngineProcess>> EngineProcess::start(asio::io_context& io,
                                                            const EngineProgram& program,
                                                            const Patience& patience,
                                                            const engine::Load& load,
                                                            EngineListener listener) {
  TRY_LET(os::SocketPair sockets, os::make_socket_pair());
  TRY_LET(os::SpawnedChild child,
          os::SpawnedChild::start({.program = program.program,
                                   .args = program.args,
                                   .environment = os::named_environment(program.environment),
                                   .channel = &sockets.theirs}));
  auto state = std::make_shared<State>(io, std::move(child), std::move(sockets.ours));
  state->model = load.name;
  state->patience = patience;
  state->listener = std::move(listener);
  state->begin();
  auto process = std::unique_ptr<EngineProcess>(new EngineProcess(std::move(state)));
  TRY(process->send(load));
  return process;
}

EngineProcess::~EngineProcess() {
  state_->listener = {};
  if (state_->closed) return;
  state_->close();
  state_->child.kill();
  state_->child.wait_end();
}

int EngineProcess::pid() const { return state_->child.pid(); }

bool EngineProcess::takes_messages() const { return state_->takes_messages(); }

Status EngineProcess::send(const engine::Message& message) { return state_->send(message); }

void EngineProcess::expect_work(bool due) {
  if (due && !state_->work_due) state_->last_heard = state_->last_progress = Clock::now();
  state_->work_due = due;
  state_->look_again();
}

void EngineProcess::stop() {
  if (state_->closed || state_->stopping) return;
  state_->stopping = true;
  if (!state_->send(engine::Shutdown{})) state_->child.kill();
  state_->kill_later();
}

void EngineProcess::end_now() {
  if (state_->closed) return;
  state_->stopping = true;
  state_->child.kill();
}

}  // namespace hearth::server
