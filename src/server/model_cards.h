// SPDX-License-Identifier: MIT
// The store's models as cards, and what their files say. Reads the store's own records; of model
// files only the checked metadata (file/gguf.h).
// Thread rule: any thread.
#pragma once
#include <string_view>
#include <vector>

#include "base/result.h"
#include "hub/store.h"
#include "server/models.h"

namespace hearth::server {

Result<std::vector<ModelCard>> list_cards(const hub::Store& store);

// What a request's model name means. Paths are names of nothing unless they are allowed; whether
// there is a file is then not told.
Result<hub::ResolvedModel> resolve_model(const hub::Store& store, std::string_view model,
                                         bool allow_paths);
Result<ModelCard> card_of(const hub::Store& store, const hub::ResolvedModel& model);
Result<ModelFacts> facts_of(ModelCard card);

}  // namespace hearth::server
