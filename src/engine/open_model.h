// SPDX-License-Identifier: MIT
// Opens a model file for jobs: what the engine process does when it is told to load.
#pragma once
#include "base/result.h"
#include "engine/job_source.h"

namespace hearth::engine {

// Errors: the file cannot be read or is no model, options out of range, not enough memory.
// Loaded::model says what its answers can have:
//   {"chat_template": the template's text or null, "tools": bool, "thinking_switch": name or "",
//    "refuses_system": bool, "fill_in": bool, "bos_token", "eos_token": texts,
//    "n_ctx_train": n, "n_embd": n}
Result<OpenModel> open_model(const Load& load, EventSink sink);

}  // namespace hearth::engine
