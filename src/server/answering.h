// SPDX-License-Identifier: MIT
// From jobs to an answer: starts them, streams or collects their events through the dialect's
// Writer, ends them when the client goes away, parks them when it reads slowly, and says a last
// word when the server stops. Thread rule: the loop's thread.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/app.h"
#include "server/collected.h"

namespace hearth::server {

// What a dialect makes of events. Made for one request.
class Writer {
 public:
  virtual ~Writer() = default;
  // The text of the stream for an event; i_answer counts through all jobs. kStarted comes once for
  // each job, kDone once, last, for all, with the warnings of request and engine.
  virtual std::string stream(const engine::Event& event) = 0;
  // The last words of a stream that has begun and cannot be ended well.
  virtual std::string stream_failure(const Error& error) = 0;
  // The whole answer.
  virtual http::Response whole(const Collected& all) = 0;
  // What ids of tool calls begin with.
  virtual std::string_view call_prefix() const { return "call_"; }
};

// The name that a client used, and what stands behind it.
struct Target {
  std::string model;  // as Models takes it
  LoadWish wish;
};

struct Work {
  Target target;
  std::vector<engine::Job> jobs;  // at least one; all with the same n
  bool stream = false;
};

void start_work(const std::shared_ptr<Call>& call, Work work, std::unique_ptr<Writer> writer);

}  // namespace hearth::server
