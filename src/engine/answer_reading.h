// SPDX-License-Identifier: MIT
// How a chat's answers are read: with which parser, whether special tokens must be part of the text
// for it, and what ends reasoning that has used up its budget. Thread rule: functions without
// state; a guide belongs to one answer.
#pragma once
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engine/answer.h"
#include "engine/job.h"
#include "text/answer_parser.h"
#include "text/tokenizer.h"

namespace hearth::engine {

// `prompt`: its end shows whether reasoning is open already.
text::AnswerOptions reading_of(const Job& job, std::string_view prompt, uint64_t id_seed);

// Whether a mark of the format is a control token, which a text leaves out unless it is asked for.
bool has_special_marks(const text::AnswerFormat& format, const text::Tokenizer& tokenizer);

// Guides that end each answer's reasoning after the job's budget of tokens, as the model itself
// would. Error: reasoning has no mark that ends it. The tokenizer must outlive the guides.
Result<std::function<Answer::Guide()>> budget_guides(const Job& job, std::string_view prompt,
                                                     const text::AnswerFormat& format,
                                                     const text::Tokenizer& tokenizer);

}  // namespace hearth::engine
