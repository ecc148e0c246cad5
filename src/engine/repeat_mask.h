// SPDX-License-Identifier: MIT
// Ends an answer that must call tools and begins to repeat itself: small models, held to calls and
// nothing else, make the same call until max_tokens. In: the mask that holds the answer to calls.
// Out: the same, until a call has come a second time; then, between calls, what ends the list of
// calls comes before what begins another one. One answer, one thread.
#pragma once
#include <memory>

#include "engine/job.h"
#include "engine/job_prompt.h"
#include "sample/token_mask.h"
#include "text/tokenizer.h"

namespace hearth::engine {

// The tokenizer must outlive the mask.
std::unique_ptr<sample::TokenMask> end_after_repeats(std::unique_ptr<sample::TokenMask> calls,
                                                     const Job& job, const JobPrompt& prompt,
                                                     const text::Tokenizer& tokenizer);

}  // namespace hearth::engine
