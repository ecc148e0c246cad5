// SPDX-License-Identifier: MIT
#include "file/file_type.h"

#include <array>
#include <map>

namespace hearth::file {
namespace {

// Index: the value of "general.file_type". Empty: withdrawn, or never assigned.
constexpr std::array<std::string_view, 39> kNames = {
    "f32",    "f16",    "q4_0",  "q4_1",    "",       "",       "",       "q8_0",
    "q5_0",   "q5_1",   "q2_k",  "q3_k_s",  "q3_k_m", "q3_k_l", "q4_k_s", "q4_k_m",
    "q5_k_s", "q5_k_m", "q6_k",  "iq2_xxs", "iq2_xs", "q2_k_s", "iq3_xs", "iq3_xxs",
    "iq1_s",  "iq4_nl", "iq3_s", "iq3_m",   "iq2_s",  "iq2_m",  "iq4_xs", "iq1_m",
    "bf16",   "",       "",      "",        "tq1_0",  "tq2_0",  "mxfp4",
};

}  // namespace

std::string_view file_type_name(int64_t file_type) {
  if (file_type < 0 || file_type >= static_cast<int64_t>(kNames.size())) return {};
  return kNames[static_cast<size_t>(file_type)];
}

std::string_view quant_name(const Gguf& model) {
  if (const auto file_type = model.metadata().integer("general.file_type")) {
    const std::string_view name = file_type_name(*file_type);
    if (!name.empty()) return name;
  }
  std::map<uint32_t, uint64_t> bytes;
  for (const GgufTensor& tensor : model.tensors()) {
    bytes[tensor.gguf_type] += tensor.data.size();
  }
  uint32_t most = 0;
  uint64_t most_bytes = 0;
  for (const auto& [type, n] : bytes) {
    if (n <= most_bytes) continue;
    most = type;
    most_bytes = n;
  }
  if (most_bytes == 0) return {};
  return gguf_type_name(most);
}

}  // namespace hearth::file
