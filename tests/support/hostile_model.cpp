// SPDX-License-Identifier: MIT
#include "tests/support/hostile_model.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "backend/backend.h"
#include "engine/engine.h"
#include "file/gguf.h"
#include "tests/support/toy_model.h"

namespace hearth::test {
namespace {

constexpr int64_t kMaxElements = 1 << 18;  // of an edited tensor, so that a run stays small

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// Up to the separator, which goes too.
std::string_view take_until(std::string_view& rest, char separator) {
  const size_t end = std::min(rest.find(separator), rest.size());
  const std::string_view part = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  return part;
}

// Made once for each first line: encoding weights takes longer than everything else.
Result<ToyModel> base_model(std::string_view line) {
  static std::map<std::string, ToyModel, std::less<>> made;
  if (const auto at = made.find(line); at != made.end()) return at->second;
  std::string_view rest = line;
  ToyOptions options{.arch = std::string(take_until(rest, ' '))};
  const auto known = toy_architectures();
  if (std::find(known.begin(), known.end(), options.arch) == known.end()) {
    return not_found("no architecture '{}'", options.arch);
  }
  options.format = dtype_from_name(rest).value_or(DType::kF32);
  options.set = {{"block_count", "2"}, {"vocab_size", "16"}, {"context_length", "64"}};
  TRY_LET(ToyModel model, make_toy_model(options));
  made.emplace(line, model);
  return model;
}

void set_shape(ToyModel& model, size_t i, std::string_view list) {
  file::GgufTensorInfo edited = model.tensors[i];
  edited.shape = {};
  int64_t elements = 1;
  while (!list.empty()) {
    const auto dim = whole_number(take_until(list, ','));
    if (!dim || *dim < 1 || *dim > kMaxElements || edited.shape.rank == Shape::kMaxRank) return;
    edited.shape.dims[static_cast<size_t>(edited.shape.rank++)] = *dim;
    elements *= *dim;
    if (elements > kMaxElements) return;
  }
  if (edited.shape.rank == 0 || edited.shape.cols() % info(edited.type).block_weights != 0) return;
  model.data[i].resize(file::tensor_bytes(edited));
  model.tensors[i] = std::move(edited);
}

void edit_tensor(ToyModel& model, std::string_view line, size_t mark) {
  const int i = model.find(line.substr(0, mark));
  if (i < 0) return;
  const auto at = static_cast<size_t>(i);
  const std::string_view rest = line.substr(mark + 1);
  if (line[mark] == '!') model.remove(line.substr(0, mark));
  if (line[mark] == '>') model.tensors[at].name = std::string(rest);
  if (line[mark] == '~') set_shape(model, at, rest);
}

void edit_metadata(ToyModel& model, const std::string& arch, std::string_view key,
                   std::string_view value) {
  const bool is_whole = key.starts_with("general.") || key.starts_with("tokenizer.");
  const std::string name = is_whole ? std::string(key) : arch + "." + std::string(key);
  if (!value.empty()) return set_from_text(model.metadata, name, std::string(value));
  file::Metadata fewer;
  for (const auto& [other, kept] : model.metadata.entries()) {
    if (other != name) fewer.set(other, kept);
  }
  model.metadata = std::move(fewer);
}

Status run_on(const file::Gguf& file, std::unique_ptr<backend::Backend> backend) {
  TRY_LET(const auto engine,
          engine::Engine::make(file, std::move(backend),
                               {.n_ctx = 32, .n_sequences = 2, .max_batch = 4, .max_outputs = 4}));
  TRY_LET(engine::Sequence first, engine->open_sequence());
  const std::vector<int32_t> tokens = {0, static_cast<int32_t>(engine->hparams().V - 1), 1};
  const auto step = [&](engine::Sequence& sequence) {
    const engine::StepPart part{&sequence, tokens, engine::Want::kAll};
    return engine->step({&part, 1});
  };
  TRY(step(first));
  if (engine->graph().cache_layers().empty()) return {};  // an encoder has no past
  TRY(step(first));
  TRY_LET(engine::Sequence second, engine->fork(first));
  return step(second);
}

}  // namespace

Result<std::vector<uint8_t>> hostile_model(std::string_view recipe) {
  const std::string_view first = take_until(recipe, '\n');
  TRY_LET(ToyModel model, base_model(first));
  const std::string arch(first.substr(0, first.find(' ')));
  std::vector<std::pair<size_t, uint8_t>> bytes_to_set;
  while (!recipe.empty()) {
    const std::string_view line = take_until(recipe, '\n');
    const size_t mark = line.find_first_of("=~>!");
    if (mark == std::string_view::npos) continue;
    if (line[mark] != '=') {
      edit_tensor(model, line, mark);
    } else if (line[0] != '@') {
      edit_metadata(model, arch, line.substr(0, mark), line.substr(mark + 1));
    } else if (const auto at = whole_number(line.substr(1, mark - 1)),
               value = whole_number(line.substr(mark + 1));
               at && value && *at >= 0) {
      bytes_to_set.emplace_back(static_cast<size_t>(*at), static_cast<uint8_t>(*value));
    }
  }
  TRY_LET(std::vector<uint8_t> bytes, model.bytes());
  for (const auto& [at, value] : bytes_to_set) bytes[at % bytes.size()] = value;
  return bytes;
}

Status run_hostile_model(const std::vector<uint8_t>& bytes) {
  TRY_LET(const file::Gguf file, file::Gguf::parse(bytes));
  TRY(run_on(file, backend::make_ref_backend()));
  TRY_LET(auto cpu, backend::make_cpu_backend(1));
  return run_on(file, std::move(cpu));
}

}  // namespace hearth::test
