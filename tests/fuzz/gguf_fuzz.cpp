// SPDX-License-Identifier: MIT
// Any bytes as a model file: the reader answers a model or an error, and everything that a model
// gives out lies inside the bytes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "file/gguf.h"
#include "file/model_facts.h"

namespace hearth::file {
namespace {

// Sums the bytes so that the sanitizer sees them read.
uint64_t sum_of(std::span<const uint8_t> bytes) {
  uint64_t sum = 0;
  for (const uint8_t byte : bytes) sum += byte;
  return sum;
}

uint64_t touch(const Gguf& model) {
  uint64_t sum = 0;
  for (const GgufTensor& tensor : model.tensors()) {
    if (model.find(tensor.name) != &tensor) std::abort();
    sum += sum_of(tensor.data) + static_cast<uint64_t>(tensor.shape.elements());
  }
  for (const auto& [key, value] : model.metadata().entries()) {
    const Metadata& metadata = model.metadata();
    sum += sum_of(value.bytes);
    sum += static_cast<uint64_t>(metadata.integer(key).has_value());
    sum += static_cast<uint64_t>(metadata.number(key).has_value());
    sum += static_cast<uint64_t>(metadata.boolean(key).has_value());
    sum += metadata.text(key).value_or("").size();
    if (const auto texts = metadata.texts(key)) {
      for (const std::string_view text : *texts) sum += text.size();
    }
    if (const auto values = metadata.integers(key)) sum += values->size();
    if (const auto values = metadata.numbers(key)) sum += values->size();
  }
  const ModelFacts facts = facts_of(model);
  return sum + facts.n_parameters + facts.formats.size();
}

}  // namespace
}  // namespace hearth::file

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto model = hearth::file::Gguf::parse({data, size});
  if (!model) {
    if (model.error().code == hearth::ErrorCode::kInternal || model.error().message.empty()) {
      std::abort();
    }
    return 0;
  }
  // The sum is used, so that reading cannot be optimised away.
  [[maybe_unused]] static volatile uint64_t g_sum;
  g_sum = hearth::file::touch(*model);
  return 0;
}
