// SPDX-License-Identifier: MIT
#include "server/response_store.h"

#include <algorithm>
#include <utility>

namespace hearth::server {

ResponseStore::Place ResponseStore::place_of(std::string_view id, std::string_view owner) {
  return std::find_if(kept_.begin(), kept_.end(), [&](const Kept& kept) {
    return kept.response.id == id && kept.response.owner == owner;
  });
}

void ResponseStore::drop(Place place) {
  n_bytes_ -= place->n_bytes;
  kept_.erase(place);
}

void ResponseStore::put(StoredResponse response) {
  const size_t n = json_text(response.messages).size() + json_text(response.response).size();
  if (n > max_bytes_) return;
  n_bytes_ += n;
  kept_.push_front({std::move(response), n});
  while (kept_.size() > max_responses_ || n_bytes_ > max_bytes_) drop(std::prev(kept_.end()));
}

const StoredResponse* ResponseStore::find(std::string_view id, std::string_view owner) {
  const Place place = place_of(id, owner);
  if (place == kept_.end()) return nullptr;
  kept_.splice(kept_.begin(), kept_, place);
  return &kept_.front().response;
}

bool ResponseStore::remove(std::string_view id, std::string_view owner) {
  const Place place = place_of(id, owner);
  if (place == kept_.end()) return false;
  drop(place);
  return true;
}

}  // namespace hearth::server
