// SPDX-License-Identifier: MIT
#include "server/dialects/anthropic_models.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace hearth::server {
namespace {

constexpr size_t kUsualPage = 20, kMostOfPage = 1000;

Json anthropic_model(const ModelCard& card) {
  constexpr int64_t kFarthest = 253402300799;  // the end of the year 9999
  const auto time =
      static_cast<std::time_t>(std::clamp<int64_t>(card.modified_unix_s, 0, kFarthest));
  return {{"type", "model"},
          {"id", card.name},
          {"display_name", card.name},
          {"created_at", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(time))}};
}

// The value of a parameter of the query, as written: names of models need no escapes.
std::optional<std::string_view> parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.starts_with(name) && pair.substr(name.size()).starts_with('='))
      return pair.substr(name.size() + 1);
  }
  return std::nullopt;
}

struct Page {
  size_t begin = 0, end = 0;
};

Result<Page> page_of(std::string_view query, const std::vector<ModelCard>& cards) {
  size_t limit = kUsualPage;
  if (const auto text = parameter(query, "limit")) {
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), limit);
    if (error != std::errc() || end != text->data() + text->size() || limit < 1 ||
        limit > kMostOfPage)
      return bad_field("limit", fmt::format("a number from 1 to {} is wanted", kMostOfPage));
  }
  const auto place = [&](std::string_view id) {
    const auto at = std::find_if(cards.begin(), cards.end(),
                                 [&](const ModelCard& card) { return card.name == id; });
    return static_cast<size_t>(at - cards.begin());
  };
  Page page{0, cards.size()};
  if (const auto after = parameter(query, "after_id"))
    page.begin = std::min(place(*after) + 1, cards.size());
  if (const auto before = parameter(query, "before_id")) {
    page.end = place(*before);
    page.begin = std::max(page.begin, page.end - std::min(page.end, limit));
  }
  page.end = std::min(page.end, page.begin + limit);
  page.begin = std::min(page.begin, page.end);
  return page;
}

}  // namespace

bool is_for_anthropic(const Call& call) {
  return call.exchange->request.head.find("anthropic-version") != nullptr;
}

void send_anthropic_models(Call& call, const std::vector<ModelCard>& cards) {
  const std::string_view query = call.exchange->request.head.query;
  const auto page = page_of(query, cards);
  if (!page) return call.send(error_response(Dialect::kAnthropic, page.error()));
  Json data = Json::array();
  for (size_t i = page->begin; i < page->end; ++i) data.push_back(anthropic_model(cards[i]));
  const bool goes_back = parameter(query, "before_id").has_value();
  const bool has_more = goes_back ? page->begin > 0 : page->end < cards.size();
  const Json first = data.empty() ? Json() : data.front()["id"];
  const Json last = data.empty() ? Json() : data.back()["id"];
  call.send(Json{
      {"data", std::move(data)}, {"has_more", has_more}, {"first_id", first}, {"last_id", last}});
}

void send_anthropic_model(Call& call, const ModelCard& card) { call.send(anthropic_model(card)); }

}  // namespace hearth::server
