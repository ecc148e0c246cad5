// SPDX-License-Identifier: MIT
#include "engine/worker_channel.h"

#include <chrono>
#include <utility>

#include "os/socket_pair.h"

namespace hearth::engine {
namespace {

constexpr size_t kReadBytes = 64 * 1024;
// Frames of one step beyond this are sent before the step has ended.
constexpr size_t kMaxGathered = 256 * 1024;
// Messages that the computing thread has not taken: beyond this, reading waits. It takes all of
// them between two steps.
constexpr size_t kMaxWaiting = 1024;
constexpr std::chrono::milliseconds kABit{100};

}  // namespace

void Outbox::add(const Message& message) {
  auto frame = encode(message);
  if (!frame) {
    Event told{.kind = EventKind::kError, .error = frame.error()};
    if (const auto* const event = std::get_if<Event>(&message)) told.id = event->id;
    told.error.message = "an answer cannot be passed on: " + told.error.message;
    frame = encode(told);
  }
  if (!frame) return;  // an error of a line always has a frame
  gathered_ += *frame;
  if (gathered_.size() > kMaxGathered) flush();
}

void Outbox::flush() {
  if (gathered_.empty()) return;
  const std::lock_guard lock(mutex_);
  send(gathered_);
  gathered_.clear();
}

void Outbox::heartbeat(const Heartbeat& heartbeat) {
  const std::unique_lock lock(mutex_, std::try_to_lock);
  if (!lock.owns_lock() || !os::can_send_now(channel_)) return;
  if (const auto frame = encode(heartbeat)) send(*frame);
}

Status Outbox::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

void Outbox::send(std::string_view bytes) {
  if (status_) status_ = os::send_all(channel_, bytes);
}

Inbox::Inbox(const os::FileHandle& channel, Outbox& outbox, int heartbeat_ms)
    : channel_(channel),
      outbox_(outbox),
      heartbeat_ms_(heartbeat_ms),
      thread_([this] { read(); }) {}

Inbox::~Inbox() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  os::end_reading(channel_);
  thread_.join();
}

std::vector<Message> Inbox::take(Wait wait) {
  std::unique_lock lock(mutex_);
  const auto something = [this] { return !messages_.empty() || end_.has_value(); };
  if (wait == Wait::kABit) changed_.wait_for(lock, kABit, something);
  if (wait == Wait::kForAny && !something()) {
    busy_ = false;
    changed_.wait(lock, something);
  }
  std::vector<Message> taken(std::make_move_iterator(messages_.begin()),
                             std::make_move_iterator(messages_.end()));
  messages_.clear();
  lock.unlock();
  changed_.notify_all();
  return taken;
}

std::optional<Status> Inbox::end() const {
  const std::lock_guard lock(mutex_);
  return end_;
}

void Inbox::set_jobs(JobSource* jobs) {
  const std::lock_guard lock(mutex_);
  jobs_ = jobs;
}

bool Inbox::push(Message message) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return messages_.size() < kMaxWaiting || stopping_; });
  if (stopping_) return false;
  if (const auto* const cancel = std::get_if<Cancel>(&message); cancel && jobs_ != nullptr) {
    jobs_->interrupt(cancel->id);
  }
  messages_.push_back(std::move(message));
  busy_ = true;
  lock.unlock();
  changed_.notify_all();
  return true;
}

Result<bool> Inbox::read_some(FrameBuffer& frames, std::span<char> buffer) {
  TRY_LET(const size_t n, os::receive_some(channel_, buffer));
  if (n == 0) return false;
  frames.append({buffer.data(), n});
  while (true) {
    TRY_LET(const auto payload, frames.next());
    if (!payload) return true;
    TRY_LET(Message message, decode(*payload));
    if (!push(std::move(message))) return false;
  }
}

void Inbox::read() {
  FrameBuffer frames;
  std::vector<char> buffer(kReadBytes);
  Result<bool> more = true;
  bool was_busy = true;
  while (more && *more) {
    if (os::wait_until_readable(channel_, was_busy ? heartbeat_ms_ : -1)) {
      more = read_some(frames, buffer);
    } else {
      outbox_.heartbeat({n_steps(), was_busy});
    }
    const std::lock_guard lock(mutex_);
    was_busy = busy_;
  }
  {
    const std::lock_guard lock(mutex_);
    end_ = more ? Status() : Status(Failure(more.error()));
  }
  changed_.notify_all();
}

}  // namespace hearth::engine
