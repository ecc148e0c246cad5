// SPDX-License-Identifier: MIT
// Answers of /v1/responses that may be asked for again or gone on from: kept in memory, for their
// owner alone, the longest unused one let go first. Thread rule: the loop's thread.
#pragma once
#include <cstddef>
#include <list>
#include <string>
#include <string_view>

#include "server/json_out.h"

namespace hearth::server {

struct StoredResponse {
  std::string id, owner;
  Json messages;  // the conversation with its answer, in OpenAI's chat shape
  Json response;  // as it was told
};

class ResponseStore {
 public:
  explicit ResponseStore(size_t max_responses = 1000, size_t max_bytes = 64u << 20)
      : max_responses_(max_responses), max_bytes_(max_bytes) {}

  void put(StoredResponse response);
  // nullptr where it is not there or another's. Counts as use.
  const StoredResponse* find(std::string_view id, std::string_view owner);
  bool remove(std::string_view id, std::string_view owner);
  size_t size() const { return kept_.size(); }

 private:
  struct Kept {
    StoredResponse response;
    size_t n_bytes;
  };
  using Place = std::list<Kept>::iterator;
  Place place_of(std::string_view id, std::string_view owner);
  void drop(Place place);

  size_t max_responses_, max_bytes_;
  size_t n_bytes_ = 0;
  std::list<Kept> kept_;  // last used first
};

}  // namespace hearth::server
