// SPDX-License-Identifier: MIT
// Lists of models in Anthropic's shape. Its path is OpenAI's too (/v1/models): the header
// anthropic-version, which Anthropic's clients send with every request, tells the two apart.
// Source: Anthropic API reference, models, 2026.
#pragma once
#include <memory>
#include <vector>

#include "server/app.h"
#include "server/models.h"

namespace hearth::server {

bool is_for_anthropic(const Call& call);

// A page of them: limit, after_id and before_id stand in the path's query.
void send_anthropic_models(Call& call, const std::vector<ModelCard>& cards);
void send_anthropic_model(Call& call, const ModelCard& card);

}  // namespace hearth::server
