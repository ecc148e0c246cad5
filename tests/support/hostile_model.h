// SPDX-License-Identifier: MIT
// Model files that lie: a toy model with edits, written as lines of text that a fuzzer can mutate.
//   qwen3 q8_0       first line: the architecture and the format of the weights
//   KEY=VALUE        sets metadata, as set_from_text reads it; the architecture's keys without it
//   KEY=             takes it away
//   TENSOR~3,5       gives a tensor another shape
//   TENSOR>NAME      gives it another name
//   TENSOR!          takes it away
//   @100=255         sets a byte of the finished file
// Lines that are none of these change nothing.
#pragma once
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hearth::test {

// The bytes of the file. Errors: no such architecture, what the file's writer refuses.
Result<std::vector<uint8_t>> hostile_model(std::string_view recipe);

// Opens the file, makes an engine on both backends and takes some steps with two sequences. The
// error of what refused it; success where it ran, whatever it computed.
Status run_hostile_model(const std::vector<uint8_t>& bytes);

}  // namespace hearth::test
