// SPDX-License-Identifier: MIT
#include "server/http/exchange.h"

namespace hearth::http {

// What the callbacks hold (often this exchange itself) is let go.
void Exchange::end() {
  stage_ = Stage::kOver;
  gone_ = nullptr;
  stopping_ = nullptr;
  full_ = nullptr;
}

void Exchange::send(Response response) {
  if (stage_ != Stage::kWaiting) return;
  const auto transport = transport_.lock();
  end();
  if (transport) transport->send(std::move(response));
}

void Exchange::start(Response head) {
  if (stage_ != Stage::kWaiting) return;
  stage_ = Stage::kStreaming;
  if (const auto transport = transport_.lock()) transport->start(std::move(head));
}

void Exchange::write(std::string_view bytes) {
  if (stage_ != Stage::kStreaming || bytes.empty()) return;
  if (const auto transport = transport_.lock()) transport->write(bytes);
}

void Exchange::finish() {
  if (stage_ != Stage::kStreaming) return;
  const auto transport = transport_.lock();
  end();
  if (transport) transport->finish();
}

void Exchange::tell_gone() {
  if (stage_ == Stage::kOver) return;
  const auto call = std::move(gone_);
  end();
  if (call) call();
}

void Exchange::tell_stopping() {
  if (stage_ == Stage::kOver) return;
  const auto call = std::exchange(stopping_, nullptr);
  if (call) call();
}

void Exchange::tell_full(bool full) {
  if (stage_ == Stage::kStreaming && full_) full_(full);
}

}  // namespace hearth::http
