// SPDX-License-Identifier: MIT
#include "engine/job_preparer.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "base/clock.h"

namespace hearth::engine {
namespace {

size_t text_bytes(const nlohmann::ordered_json& json) {
  size_t n_bytes = 0;
  std::vector<const nlohmann::ordered_json*> open = {&json};
  while (!open.empty()) {
    const nlohmann::ordered_json& value = *open.back();
    open.pop_back();
    if (value.is_string()) n_bytes += value.get_ref<const std::string&>().size();
    if (!value.is_structured()) continue;
    for (const auto& [key, inner] : value.items()) {
      n_bytes += value.is_object() ? key.size() : 0;
      open.push_back(&inner);
    }
  }
  return n_bytes;
}

}  // namespace

size_t text_bytes(const Job& job) {
  size_t n_bytes = job.prompt.size() + job.suffix.size() + job.chat_template.size() +
                   sizeof(int32_t) * job.tokens.size();
  for (const std::string& text : job.texts) n_bytes += text.size();
  return n_bytes + text_bytes(job.messages) + text_bytes(job.tools) + text_bytes(job.variables);
}

// The job and `then` belong to the thread that reads it until `is_read`.
struct JobPreparer::Entry {
  uint64_t id = 0;
  size_t n_bytes = 0;
  Job job;
  Then then;
  Stopwatch watch;
  bool parked = false;
  bool is_read = false;
};

JobPreparer::~JobPreparer() {
  {
    const std::lock_guard lock(mutex_);
    is_over_ = true;
    unread_.clear();
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

Status JobPreparer::give(Job job) {
  auto entry = std::make_shared<Entry>();
  entry->id = job.id;
  entry->n_bytes = text_bytes(job);
  size_t n_bytes = entry->n_bytes;
  for (const auto& other : waiting_) n_bytes += other->n_bytes;
  if (waiting_.size() >= kMostJobs || (n_bytes > kMostBytes && !waiting_.empty()))
    return with_hint(over_limit("{} long texts wait to be read already", waiting_.size()),
                     "ask again when some of them are answered");
  entry->job = std::move(job);
  waiting_.push_back(entry);
  {
    const std::lock_guard lock(mutex_);
    unread_.push_back(std::move(entry));
  }
  changed_.notify_all();
  return start();
}

Status JobPreparer::start() {
  if (thread_.joinable()) return {};
  try {
    thread_ = std::thread([this] { work(); });
  } catch (const std::exception& failed) {
    waiting_.clear();
    const std::lock_guard lock(mutex_);
    unread_.clear();
    return no_memory("no thread to read long texts: {}", failed.what());
  }
  return {};
}

bool JobPreparer::drop(uint64_t id) {
  const auto is_it = [id](const auto& entry) { return entry->id == id; };
  if (std::erase_if(waiting_, is_it) == 0) return false;
  const std::lock_guard lock(mutex_);
  std::erase_if(unread_, is_it);
  return true;
}

bool JobPreparer::park(uint64_t id, bool parked) {
  for (const auto& entry : waiting_) {
    if (entry->id != id) continue;
    entry->parked = parked;
    return true;
  }
  return false;
}

std::optional<JobPreparer::Prepared> JobPreparer::take() {
  if (waiting_.empty()) return std::nullopt;
  const std::lock_guard lock(mutex_);
  const auto at = std::find_if(waiting_.begin(), waiting_.end(),
                               [](const auto& entry) { return entry->is_read; });
  if (at == waiting_.end()) return std::nullopt;
  const std::shared_ptr<Entry> entry = std::move(*at);
  waiting_.erase(at);
  return Prepared{std::move(entry->job), std::move(entry->then), entry->parked,
                  entry->watch.elapsed_ms()};
}

void JobPreparer::wait(std::chrono::milliseconds most) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, most, [this] {
    return std::any_of(waiting_.begin(), waiting_.end(),
                       [](const auto& entry) { return entry->is_read; });
  });
}

void JobPreparer::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return is_over_ || !unread_.empty(); });
    if (is_over_) return;
    const std::shared_ptr<Entry> entry = std::move(unread_.front());
    unread_.pop_front();
    lock.unlock();
    try {
      entry->then = read_(entry->job);
    } catch (const std::exception&) {
      entry->then = nullptr;
    }
    lock.lock();
    entry->is_read = true;
    changed_.notify_all();
  }
}

}  // namespace hearth::engine
