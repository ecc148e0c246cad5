// SPDX-License-Identifier: MIT
// One request that is being answered: whole (send), or as a stream (start, write…, finish). Who
// answers it may keep it as long as it likes: when the client is gone its calls do nothing.
// Thread rule: the server's loop thread only.
#pragma once
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "server/http/message.h"

namespace hearth::http {

// The connection's side of an exchange.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual void send(Response response) = 0;
  virtual void start(Response head) = 0;
  virtual void write(std::string_view bytes) = 0;
  virtual void finish() = 0;
};

class Exchange {
 public:
  Exchange(Request asked, std::weak_ptr<Transport> transport)
      : request(std::move(asked)), transport_(std::move(transport)) {}

  Request request;

  // The whole answer. Nothing may follow.
  void send(Response response);
  // The head of a stream (its body is ignored), pieces of the body, and the end.
  void start(Response head);
  void write(std::string_view bytes);
  void finish();

  bool started() const { return stage_ != Stage::kWaiting; }
  // Answered whole, or the client is gone.
  bool over() const { return stage_ == Stage::kOver; }

  // Each is called at most once, never after the exchange is over: the client went away or was
  // dropped; the server stops and the stream must end now.
  void when_gone(std::function<void()> call) { gone_ = std::move(call); }
  void when_stopping(std::function<void()> call) { stopping_ = std::move(call); }
  // True when too much waits to be sent, false when it is less again.
  void when_full(std::function<void(bool)> call) { full_ = std::move(call); }

  // For the transport.
  void tell_gone();
  void tell_stopping();
  void tell_full(bool full);

 private:
  enum class Stage { kWaiting, kStreaming, kOver };

  void end();

  std::weak_ptr<Transport> transport_;
  Stage stage_ = Stage::kWaiting;
  std::function<void()> gone_, stopping_;
  std::function<void(bool)> full_;
};

}  // namespace hearth::http
