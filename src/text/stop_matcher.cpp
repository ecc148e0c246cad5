// SPDX-License-Identifier: MIT
#include "text/stop_matcher.h"

#include <algorithm>

#include "text/unicode.h"

namespace hearth::text {

StopMatcher::StopMatcher(std::span<const std::string> stops) {
  for (const std::string& text : stops) {
    if (text.empty()) continue;
    Stop stop{to_valid_utf8(text), {}, 0};
    stop.fallback.assign(stop.text.size(), 0);
    for (size_t i = 1, border = 0; i < stop.text.size(); ++i) {
      while (border > 0 && stop.text[i] != stop.text[border]) border = stop.fallback[border - 1];
      border += stop.text[i] == stop.text[border];
      stop.fallback[i] = static_cast<uint32_t>(border);
    }
    stops_.push_back(std::move(stop));
  }
  // The longer first: it counts where two are complete at once.
  std::stable_sort(stops_.begin(), stops_.end(),
                   [](const Stop& a, const Stop& b) { return a.text.size() > b.text.size(); });
}

void StopMatcher::advance(Stop& stop, char c) {
  while (stop.n_matched > 0 && stop.text[stop.n_matched] != c) {
    stop.n_matched = stop.fallback[stop.n_matched - 1];
  }
  stop.n_matched += stop.text[stop.n_matched] == c;
}

bool StopMatcher::push(std::string_view text, std::string& out) {
  if (stopped()) return true;
  for (const char c : text) {
    held_ += c;
    for (size_t i = 0; i < stops_.size(); ++i) {
      Stop& stop = stops_[i];
      advance(stop, c);
      if (stop.n_matched < stop.text.size()) continue;
      stopped_ = static_cast<int64_t>(i);
      out += std::string_view(held_).substr(0, held_.size() - stop.text.size());
      held_.clear();
      return true;
    }
  }
  size_t n_held = 0;
  for (const Stop& stop : stops_) n_held = std::max(n_held, stop.n_matched);
  const size_t n_free = held_.size() - n_held;
  out += std::string_view(held_).substr(0, n_free);
  held_.erase(0, n_free);
  return false;
}

void StopMatcher::finish(std::string& out) {
  out += held_;
  held_.clear();
  for (Stop& stop : stops_) stop.n_matched = 0;
}

void StopMatcher::reset() {
  held_.clear();
  stopped_ = -1;
  for (Stop& stop : stops_) stop.n_matched = 0;
}

}  // namespace hearth::text
