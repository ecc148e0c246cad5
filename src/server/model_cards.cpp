// SPDX-License-Identifier: MIT
#include "server/model_cards.h"

#include <chrono>
#include <filesystem>

#include "base/quote.h"
#include "file/gguf.h"
#include "file/model_facts.h"

namespace hearth::server {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr uint64_t kMaxShownArray = 64;  // entries; longer lists are vocabularies

int64_t modified_unix_s(const fs::path& file) {
  std::error_code error;
  const auto time = fs::last_write_time(file, error);
  if (error) return 0;
  const auto system = std::chrono::file_clock::to_sys(time);
  return std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count();
}

ModelCard card_of_stored(const hub::StoredModel& model) {
  ModelCard card;
  card.name = model.name;
  card.format = model.format;
  card.arch = model.arch;
  card.quant = model.quant;
  card.licence = model.licence;
  card.sha256 = model.sha256;
  card.file = model.file.string();
  card.bytes = model.bytes;
  card.modified_unix_s = modified_unix_s(model.file);
  return card;
}

template <class T>
Json array_of(const std::vector<T>& values) {
  Json array = Json::array();
  for (const T& value : values) array.push_back(value);
  return array;
}

// One metadata value; null for a list that is too long to show.
Json field_of(const file::Metadata& metadata, const std::string& key,
              const file::MetaValue& value) {
  if (value.type == file::MetaType::kArray) {
    if (value.count > kMaxShownArray) return nullptr;
    if (const auto integers = metadata.integers(key)) return array_of(*integers);
    if (const auto numbers = metadata.numbers(key)) return array_of(*numbers);
    if (const auto texts = metadata.texts(key)) return array_of(*texts);
    return nullptr;
  }
  if (const auto flag = metadata.boolean(key)) return *flag;
  if (const auto integer = metadata.integer(key)) return *integer;
  if (const auto number = metadata.number(key)) return *number;
  if (const auto text = metadata.text(key)) return std::string(*text);
  return nullptr;
}

}  // namespace

Result<std::vector<ModelCard>> list_cards(const hub::Store& store) {
  TRY_LET(const hub::Listing listing, store.list());
  std::vector<ModelCard> cards;
  for (const hub::StoredModel& model : listing.models) cards.push_back(card_of_stored(model));
  return cards;
}

Result<hub::ResolvedModel> resolve_model(const hub::Store& store, std::string_view model,
                                         bool allow_paths) {
  const auto unknown = [&] {
    return with_hint(not_found("no model {}", quote(model)), "hearth list shows what is there");
  };
  const bool is_path = model.find('/') != std::string_view::npos || model.ends_with(".gguf");
  if (is_path && !allow_paths) return unknown();
  TRY_LET(hub::ResolvedModel resolved, store.resolve(model));
  if (!resolved.in_store && !allow_paths) return unknown();
  return resolved;
}

Result<ModelCard> card_of(const hub::Store& store, const hub::ResolvedModel& model) {
  if (model.in_store) {
    TRY_LET(const hub::StoredModel stored, store.find(model.name));
    return card_of_stored(stored);
  }
  ModelCard card;
  card.name = model.name;
  card.format = "gguf";
  card.file = model.file.string();
  std::error_code error;
  const auto bytes = fs::file_size(model.file, error);
  card.bytes = error ? 0 : bytes;
  card.modified_unix_s = modified_unix_s(model.file);
  return card;
}

Result<ModelFacts> facts_of(ModelCard card) {
  TRY_LET(const file::Gguf gguf, within(card.name, file::Gguf::open(card.file)));
  const file::ModelFacts said = file::facts_of(gguf);
  ModelFacts facts;
  if (card.arch.empty()) card.arch = said.arch;
  if (card.quant.empty()) card.quant = said.quant;
  if (card.licence.empty()) card.licence = said.licence;
  facts.card = std::move(card);
  facts.context_length = said.context_length.value_or(0);
  facts.embedding_length = said.width.value_or(0);
  facts.n_parameters = static_cast<int64_t>(said.n_parameters);
  facts.chat_template = said.chat_template;
  facts.reranks = said.reranks;
  facts.embeds = !said.reranks && said.arch.ends_with("bert");
  facts.fields = Json::object();
  for (const auto& [key, value] : gguf.metadata().entries()) {
    facts.fields[key] = field_of(gguf.metadata(), key, value);
  }
  return facts;
}

}  // namespace hearth::server
