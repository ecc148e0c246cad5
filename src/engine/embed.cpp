// SPDX-License-Identifier: MIT
#include "engine/embed.h"

#include <cmath>

#include "engine/rank.h"

namespace hearth::engine {

Result<Pooling> parse_pooling(std::string_view name) {
  if (name == "mean") return Pooling::kMean;
  if (name == "cls") return Pooling::kCls;
  if (name == "last") return Pooling::kLast;
  return with_hint(invalid("unknown pooling '{}'", name), "it can be mean, cls or last");
}

Status check_gives_vectors(const Engine& engine) {
  if (!engine.spec().encoder) {
    return with_hint(unsupported("the architecture {} gives no embeddings", engine.spec().name),
                     "use an embedding model (bert, nomic-bert)");
  }
  if (is_reranker(engine)) {
    return with_hint(
        unsupported("the model is a reranker: it scores documents against a query and gives no "
                    "embeddings"),
        "ask it for scores (POST /v1/rerank), or use an embedding model");
  }
  return {};
}

Result<Pooling> model_pooling(const Engine& engine) {
  TRY(check_gives_vectors(engine));
  switch (engine.hparams().pooling) {
    case -1:
    case 1:
      return Pooling::kMean;
    case 2:
      return Pooling::kCls;
    case 3:
      return Pooling::kLast;
    default:
      return with_hint(
          unsupported("the model's file asks for pooling kind {}", engine.hparams().pooling),
          "choose one with --pooling mean, cls or last");
  }
}

Result<std::vector<float>> embed(Engine& engine, std::span<const int32_t> tokens, Pooling pooling) {
  TRY(check_gives_vectors(engine));
  if (tokens.empty()) return invalid("the text has no tokens");
  TRY_LET(Sequence sequence, engine.open_sequence());
  const StepPart part{&sequence, tokens, Want::kAll, Role::kPrompt};
  TRY(engine.step({&part, 1}));
  const auto width = static_cast<size_t>(engine.hparams().D);
  const int n = engine.n_outputs();
  const int first = pooling == Pooling::kLast ? n - 1 : 0;
  const int last = pooling == Pooling::kCls ? 0 : n - 1;
  std::vector<double> sum(width, 0.0);
  for (int i = first; i <= last; ++i) {
    const std::span<const float> row = engine.output(i);
    for (size_t d = 0; d < width; ++d) sum[d] += static_cast<double>(row[d]);
  }
  double square = 0.0;
  for (const double value : sum) square += value * value;
  if (!std::isfinite(square)) return internal_error("the model computed no finite numbers");
  const double length = square > 0 ? std::sqrt(square) : 1.0;
  std::vector<float> vector(width);
  for (size_t d = 0; d < width; ++d) vector[d] = static_cast<float>(sum[d] / length);
  return vector;
}

}  // namespace hearth::engine
