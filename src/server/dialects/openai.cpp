// SPDX-License-Identifier: MIT
// OpenAI's dialect: its routes, and its lists of models.
// Source: OpenAI API reference, 2026.
#include "server/dialects/anthropic_models.h"
#include "server/dialects/dialects.h"
#include "server/dialects/openai_chat.h"
#include "server/dialects/openai_fields.h"

namespace hearth::server {
namespace {

Json model_object(const ModelCard& card) {
  return {{"id", card.name},
          {"object", "model"},
          {"created", card.modified_unix_s},
          {"owned_by", "hearth"}};
}

Result<std::vector<ModelCard>> cards_and_profiles(App& app) {
  TRY_LET(std::vector<ModelCard> cards, app.models().list());
  if (const auto profiles = app.profiles().list()) {
    for (const Profile& profile : *profiles)
      cards.push_back({.name = profile.name, .modified_unix_s = profile.created_unix_s});
  }
  return cards;
}

void list_models(const std::shared_ptr<Call>& call) {
  const auto cards = cards_and_profiles(call->app);
  if (!cards) return call->fail(cards.error());
  if (is_for_anthropic(*call)) return send_anthropic_models(*call, *cards);
  Json data = Json::array();
  for (const ModelCard& card : *cards) data.push_back(model_object(card));
  call->send(Json{{"object", "list"}, {"data", std::move(data)}});
}

Result<ModelCard> find_card(App& app, const std::string& name) {
  if (const auto profile = app.profiles().find(name))
    return ModelCard{.name = profile->name, .modified_unix_s = profile->created_unix_s};
  return app.models().find(name);
}

void show_model(const std::shared_ptr<Call>& call) {
  const auto card = find_card(call->app, call->parameter);
  const bool for_anthropic = is_for_anthropic(*call);
  if (!card && for_anthropic) return call->send(error_response(Dialect::kAnthropic, card.error()));
  if (!card) return call->fail(card.error());
  if (for_anthropic) return send_anthropic_model(*call, *card);
  call->send(model_object(*card));
}

}  // namespace

std::span<const Route> openai_routes() {
  using enum Permission;
  using enum Streaming;
  constexpr Dialect kHere = Dialect::kOpenAi;
  static const Route routes[] = {
      {"GET", "/v1/models", kInference, kHere, 0, kNone, no_fields, list_models},
      {"GET", "/v1/models/{model...}", kInference, kHere, 0, kNone, no_fields, show_model},
      {"POST", "/v1/chat/completions", kInference, kHere, kMaxBody, kSse, openai_chat_fields,
       answer_chat},
      {"POST", "/v1/completions", kInference, kHere, kMaxBody, kSse, openai_completion_fields,
       answer_completion},
      {"POST", "/v1/embeddings", kInference, kHere, kMaxBody, kNone, openai_embedding_fields,
       answer_embeddings},
      {"POST", "/v1/rerank", kInference, kHere, kMaxBody, kNone, openai_rerank_fields,
       answer_rerank},
  };
  return routes;
}

}  // namespace hearth::server
