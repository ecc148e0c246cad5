// SPDX-License-Identifier: MIT
// OpenAI's embeddings, and reranking as Jina, Cohere and llama.cpp have it.
// Source: OpenAI API reference, embeddings, 2026; RFC 4648 for base64.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "server/dialects/openai_chat.h"
#include "server/dialects/openai_fields.h"
#include "server/dialects/openai_shapes.h"
#include "server/dialects/request_parts.h"
#include "server/dialects/vectors.h"

namespace hearth::server {
namespace {

constexpr size_t kMaxTokensOfInput = size_t{1} << 20;

class EmbeddingWriter final : public Writer {
 public:
  EmbeddingWriter(std::string model, bool base64, size_t n_dimensions, size_t n_inputs)
      : model_(std::move(model)),
        base64_(base64),
        n_dimensions_(n_dimensions),
        n_inputs_(n_inputs) {}

  std::string stream(const engine::Event&) override { return {}; }
  std::string stream_failure(const Error&) override { return {}; }

  http::Response whole(const Collected& all) override {
    auto vectors = read_vectors(all, n_inputs_);
    if (!vectors) return error_response(Dialect::kOpenAi, vectors.error());
    Json data = Json::array();
    for (size_t i = 0; i < vectors->size(); ++i) {
      std::vector<float>& vector = (*vectors)[i];
      if (const Status cut = shorten(vector, n_dimensions_); !cut)
        return error_response(Dialect::kOpenAi, cut.error());
      data.push_back({{"object", "embedding"},
                      {"index", i},
                      {"embedding", base64_ ? Json(floats_base64(vector)) : Json(vector)}});
    }
    const int64_t n_tokens = tokens_of(all);
    Json body = {{"object", "list"},
                 {"data", std::move(data)},
                 {"model", model_},
                 {"usage", {{"prompt_tokens", n_tokens}, {"total_tokens", n_tokens}}}};
    add_warnings(body, all.warnings);
    return json_response(body);
  }

 private:
  std::string model_;
  bool base64_;
  size_t n_dimensions_, n_inputs_;
};

class RerankWriter final : public Writer {
 public:
  RerankWriter(std::string model, size_t n_top, std::vector<std::string> shown, size_t n_documents)
      : model_(std::move(model)),
        n_top_(n_top),
        shown_(std::move(shown)),
        n_documents_(n_documents) {}

  std::string stream(const engine::Event&) override { return {}; }
  std::string stream_failure(const Error&) override { return {}; }

  http::Response whole(const Collected& all) override {
    std::vector<double> scores;
    if (!all.results.empty() && all.results.front().other.is_object()) {
      const Json list = all.results.front().other.value("scores", Json::array());
      for (const Json& score : list) scores.push_back(score.is_number() ? score.get<double>() : 0);
    }
    if (scores.size() != n_documents_)
      return error_response(Dialect::kOpenAi,
                            {ErrorCode::kInternal, "the engine answered too few scores", {}});
    std::vector<size_t> order(scores.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return scores[a] > scores[b]; });
    order.resize(std::min(order.size(), n_top_));
    Json results = Json::array();
    for (const size_t i : order) {
      Json entry = {{"index", i}, {"relevance_score", scores[i]}};
      if (!shown_.empty()) entry["document"] = {{"text", shown_[i]}};
      results.push_back(std::move(entry));
    }
    const int64_t n_tokens = tokens_of(all);
    Json body = {{"object", "list"},
                 {"model", model_},
                 {"results", std::move(results)},
                 {"usage", {{"prompt_tokens", n_tokens}, {"total_tokens", n_tokens}}}};
    add_warnings(body, all.warnings);
    return json_response(body);
  }

 private:
  std::string model_;
  size_t n_top_;
  std::vector<std::string> shown_;
  size_t n_documents_;
};

Status add_tokens(std::string_view field, const Json& list, engine::Job& job) {
  if (!list.is_array() || list.empty() || list.size() > kMaxTokensOfInput)
    return bad_field(field, fmt::format("lists of 1 to {} tokens are taken", kMaxTokensOfInput));
  for (const Json& id : list) {
    if (!id.is_number_integer() || id < 0 || id > std::numeric_limits<int32_t>::max())
      return bad_field(field, "ids of tokens are wanted");
    job.tokens.push_back(id.get<int32_t>());
  }
  job.token_counts.push_back(static_cast<int32_t>(list.size()));
  return {};
}

// [1, 2, 3] or [[1, 2], [3]].
Result<size_t> read_token_inputs(std::string_view field, const Json& value, engine::Job& job) {
  if (value.front().is_number()) {
    TRY(add_tokens(field, value, job));
    return size_t{1};
  }
  if (value.size() > kMaxInputs)
    return bad_field(field, fmt::format("1 to {} lists are taken", kMaxInputs));
  for (const Json& list : value) TRY(add_tokens(field, list, job));
  return value.size();
}

Result<std::vector<std::string>> read_documents(const RequestFields& fields) {
  const char* name = fields.has("documents") ? "documents" : "texts";
  if (!fields.has(name)) return bad_field("documents", "a list of texts is wanted");
  std::vector<std::string> documents;
  for (const Json& item : fields.json(name)) {
    const Json* text = &item;
    if (item.is_object() && item.contains("text")) text = &item["text"];
    if (!text->is_string()) return bad_field(name, "texts or objects with a text are wanted");
    documents.push_back(text->get<std::string>());
  }
  if (documents.empty()) return bad_field(name, "at least one text is wanted");
  return documents;
}

}  // namespace

Result<size_t> read_inputs(std::string_view field, const Json& value, bool takes_tokens,
                           engine::Job& job) {
  constexpr std::string_view kWanted = "a text or a list of texts is wanted";
  const auto is_tokens = [](const Json& item) { return item.is_array() || item.is_number(); };
  if (value.is_string()) {
    job.texts.push_back(value.get<std::string>());
  } else if (!value.is_array()) {
    return bad_field(field, std::string(kWanted));
  } else if (std::any_of(value.begin(), value.end(), is_tokens)) {
    if (!takes_tokens)
      return with_hint(bad_field(field, "lists of tokens are not taken here"), "send texts");
    return read_token_inputs(field, value, job);
  } else {
    if (value.empty() || value.size() > kMaxInputs)
      return bad_field(field, fmt::format("1 to {} texts are taken", kMaxInputs));
    for (const Json& item : value) {
      if (!item.is_string()) return bad_field(field, std::string(kWanted));
      job.texts.push_back(item.get<std::string>());
    }
  }
  if (std::any_of(job.texts.begin(), job.texts.end(), [](auto& text) { return text.empty(); }))
    return bad_field(field, "an empty text has no vector");
  return job.texts.size();
}

Result<std::vector<std::vector<float>>> read_vectors(const Collected& all, size_t n_inputs) {
  std::vector<std::vector<float>> vectors;
  for (const CollectedResult& result : all.results) {
    for (const Json& numbers : result.vectors) {
      std::vector<float> vector;
      for (const Json& number : numbers)
        vector.push_back(number.is_number() ? number.get<float>() : 0.0f);
      vectors.push_back(std::move(vector));
    }
  }
  if (vectors.size() != n_inputs)
    return internal_error("the engine answered {} vectors for {} texts", vectors.size(), n_inputs);
  return vectors;
}

int64_t tokens_of(const Collected& all) {
  int64_t n_tokens = 0;
  for (const CollectedResult& result : all.results) n_tokens += result.n_tokens;
  return n_tokens > 0 ? n_tokens : all.usage.n_prompt;
}

Status shorten(std::vector<float>& vector, size_t n_dimensions) {
  if (n_dimensions == 0) return {};
  if (n_dimensions > vector.size())
    return bad_field("dimensions", fmt::format("the model's vectors have {}", vector.size()));
  vector.resize(n_dimensions);
  double sum = 0;
  for (const float value : vector) sum += double{value} * double{value};
  const double scale = sum > 0 ? 1 / std::sqrt(sum) : 0;
  for (float& value : vector) value = static_cast<float>(double{value} * scale);
  return {};
}

std::string floats_base64(const std::vector<float>& values) {
  static_assert(std::endian::native == std::endian::little);
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<uint8_t> bytes(values.size() * sizeof(float));
  std::memcpy(bytes.data(), values.data(), bytes.size());
  std::string text;
  for (size_t i = 0; i < bytes.size(); i += 3) {
    uint32_t group = 0;
    const size_t n = std::min<size_t>(3, bytes.size() - i);
    for (size_t k = 0; k < 3; ++k) group = group << 8 | (k < n ? bytes[i + k] : 0u);
    for (size_t k = 0; k < 4; ++k) text += k <= n ? kLetters[group >> (18 - 6 * k) & 63] : '=';
  }
  return text;
}

void answer_embeddings(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kEmbed;
  Work work;
  auto target = read_target(*call, job);
  if (!target) return call->fail(target.error());
  const RequestFields& fields = call->fields;
  const auto n_inputs = read_inputs("input", fields.json("input"), true, job);
  if (!n_inputs) return call->fail(n_inputs.error());
  const std::string format = fields.text("encoding_format", "float");
  if (format != "float" && format != "base64")
    return call->fail(bad_field("encoding_format", "float or base64 is wanted").value());
  if (fields.has("keep_alive")) {
    const auto keep = read_duration("keep_alive", fields.json("keep_alive"));
    if (!keep) return call->fail(keep.error());
    target->wish.keep_alive_s = *keep;
  }
  job.pooling = fields.text("pooling");
  work.target = std::move(*target);
  work.jobs.push_back(std::move(job));
  const auto n_dimensions = static_cast<size_t>(fields.integer("dimensions", 0));
  start_work(call, std::move(work),
             std::make_unique<EmbeddingWriter>(fields.text("model"), format == "base64",
                                               n_dimensions, *n_inputs));
}

void answer_rerank(const std::shared_ptr<Call>& call) {
  engine::Job job;
  job.kind = engine::JobKind::kRerank;
  Work work;
  auto target = read_target(*call, job);
  if (!target) return call->fail(target.error());
  const RequestFields& fields = call->fields;
  if (!fields.has("query")) return call->fail(bad_field("query", "a text is wanted").value());
  auto documents = read_documents(fields);
  if (!documents) return call->fail(documents.error());
  if (fields.has("keep_alive")) {
    const auto keep = read_duration("keep_alive", fields.json("keep_alive"));
    if (!keep) return call->fail(keep.error());
    target->wish.keep_alive_s = *keep;
  }
  job.prompt = fields.text("query");
  job.texts = *documents;
  const size_t n_documents = documents->size();
  const auto n_top =
      static_cast<size_t>(fields.integer("top_n", static_cast<int64_t>(n_documents)));
  std::vector<std::string> shown;
  if (fields.flag("return_documents", false)) shown = std::move(*documents);
  work.target = std::move(*target);
  work.jobs.push_back(std::move(job));
  start_work(
      call, std::move(work),
      std::make_unique<RerankWriter>(fields.text("model"), n_top, std::move(shown), n_documents));
}

}  // namespace hearth::server
