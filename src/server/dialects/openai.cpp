// SPDX-License-Identifier: MIT
// OpenAI's dialect: its routes, and its lists of models.
// Source: OpenAI API reference, 2026.
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

void list_models(const std::shared_ptr<Call>& call) {
  auto cards = call->app.models().list();
  if (!cards) return call->fail(cards.error());
  Json data = Json::array();
  for (const ModelCard& card : *cards) data.push_back(model_object(card));
  if (const auto profiles = call->app.profiles().list()) {
    for (const Profile& profile : *profiles)
      data.push_back(
          model_object({.name = profile.name, .modified_unix_s = profile.created_unix_s}));
  }
  call->send(Json{{"object", "list"}, {"data", std::move(data)}});
}

void show_model(const std::shared_ptr<Call>& call) {
  if (const auto profile = call->app.profiles().find(call->parameter))
    return call->send(
        model_object({.name = profile->name, .modified_unix_s = profile->created_unix_s}));
  const auto card = call->app.models().find(call->parameter);
  if (!card) return call->fail(card.error());
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
