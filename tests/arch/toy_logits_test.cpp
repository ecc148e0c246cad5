// SPDX-License-Identifier: MIT
// Every architecture at toy size: backend/ref against llama.cpp's logits on the same file (captured
// by capture_toy_logits.py, f32 weights and cache, no flash attention).
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iterator>
#include <map>

#include "tests/support/paths.h"
#include "tests/support/toy_cases.h"
#include "tests/support/toy_run.h"

namespace hearth::arch {
namespace {

const std::string kFolder = test::source_dir() + "/tests/arch/";
constexpr int kTokens = 40;

std::vector<test::ToyCase> cases() {
  auto list = test::toy_cases(kFolder + "toy_cases.txt");
  EXPECT_TRUE(list) << list.error().message;
  return list ? *list : std::vector<test::ToyCase>{};
}

std::vector<int32_t> tokens(int n_vocab) {
  std::vector<int32_t> list;
  for (int i = 0; i < kTokens; ++i) list.push_back((i * i * 7 + i * 13 + 5) % n_vocab);
  return list;
}

std::vector<float> golden(const std::string& name) {
  std::ifstream in(kFolder + "golden/toy_logits/" + name + ".bin", std::ios::binary);
  const std::vector<char> bytes((std::istreambuf_iterator<char>(in)), {});
  std::vector<float> values(bytes.size() / sizeof(float));
  if (!bytes.empty()) std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

uint64_t fnv1a64(std::span<const uint8_t> bytes) {
  uint64_t value = 0xCBF29CE484222325u;
  for (const uint8_t byte : bytes) value = (value ^ byte) * 0x100000001B3u;
  return value;
}

std::map<std::string, std::string> golden_files() {
  std::ifstream in(kFolder + "golden/toy_logits/index.txt");
  std::map<std::string, std::string> index;
  for (std::string name, hash; in >> name >> hash;) index[name] = hash;
  return index;
}

// How far float arithmetic may be from the same in double, as a fraction of the largest result.
// The longest way through a layer has about eight sums in a row (norm, q, scores, softmax, values,
// output, gate, down), each of n terms wrong by at most n * 2^-24 of its size, and the weights are
// scaled so that a step passes errors on without growth.
double float_error(const ModelGraph& model) {
  int64_t longest = kTokens;
  for (const graph::WeightRef& weight : model.graph.weights()) {
    longest = std::max(longest, weight.shape.cols());
  }
  return 8.0 * model.hparams.L * static_cast<double>(longest) * 0x1p-24;
}

// llama.cpp takes GELU from a table of half floats: the argument is wrong by up to 2^-11 of itself,
// GELU's slope is at most 1.13, and its value is rounded by 2^-11 once more.
double gelu_table_error(const ModelGraph& model) {
  const bool is_gelu = model.spec->ffn.act == Act::kGeluTanh;
  return is_gelu ? model.hparams.L * 2.13 * 0x1p-11 : 0.0;
}

double largest(std::span<const float> values) {
  double most = 0;
  for (const float v : values) most = std::max(most, std::fabs(double{v}));
  return most;
}

void expect_near(std::span<const float> a, std::span<const float> b, double bound) {
  ASSERT_EQ(a.size(), b.size());
  double worst = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    ASSERT_TRUE(std::isfinite(a[i])) << i;
    worst = std::max(worst, std::fabs(double{a[i]} - b[i]));
  }
  EXPECT_LE(worst, bound);
}

class ToyLogits : public testing::TestWithParam<test::ToyCase> {};

TEST_P(ToyLogits, of_ref_are_those_of_llama_cpp) {
  const test::ToyCase& c = GetParam();
  auto toy = test::load_toy(c.options);
  ASSERT_TRUE(toy) << toy.error().message;
  const auto files = golden_files();
  ASSERT_TRUE(files.contains(c.name)) << "capture it with capture_toy_logits.py";
  ASSERT_EQ(files.at(c.name), fmt::format("{:016x}", fnv1a64(toy->bytes)))
      << "the generator makes another file than the one that was captured";

  const auto backend = backend::make_ref_backend();
  auto run =
      test::ToyRun::make(*backend, toy->model.graph, {DType::kF32, DType::kF32}, kTokens, kTokens);
  ASSERT_TRUE(run) << run.error().message;
  const auto logits = run->next(tokens(toy->model.hparams.V));
  ASSERT_TRUE(logits) << logits.error().message;
  const std::vector<float> expected = golden(c.name);
  const double error = float_error(toy->model) + gelu_table_error(toy->model);
  expect_near(*logits, expected, error * largest(expected));
}

TEST_P(ToyLogits, of_cpu_are_those_of_ref) {
  auto toy = test::load_toy(GetParam().options);
  ASSERT_TRUE(toy) << toy.error().message;
  const auto ref = backend::make_ref_backend();
  auto cpu = backend::make_cpu_backend(2);
  ASSERT_TRUE(cpu) << cpu.error().message;
  const auto ask = tokens(toy->model.hparams.V);
  std::vector<std::vector<float>> results;
  for (backend::Backend* const backend : {ref.get(), cpu->get()}) {
    auto run = test::ToyRun::make(*backend, toy->model.graph, {DType::kF32, DType::kF32}, kTokens,
                                  kTokens);
    ASSERT_TRUE(run) << run.error().message;
    const auto logits = run->next(ask);
    ASSERT_TRUE(logits) << logits.error().message;
    results.push_back(*logits);
  }
  expect_near(results[1], results[0], float_error(toy->model) * largest(results[0]));
}

// Encoders see the whole text at once, so only decoders have chunks.
class ToyDecoders : public testing::TestWithParam<test::ToyCase> {};

std::vector<test::ToyCase> decoder_cases() {
  auto list = cases();
  std::erase_if(list, [](const test::ToyCase& c) {
    const ArchSpec* const spec = find_architecture(c.options.arch);
    return spec != nullptr && spec->encoder;
  });
  return list;
}

TEST_P(ToyDecoders, answer_chunks_as_the_whole_prompt) {
  auto toy = test::load_toy(GetParam().options);
  ASSERT_TRUE(toy) << toy.error().message;
  const auto ref = backend::make_ref_backend();
  auto cpu = backend::make_cpu_backend(2);
  ASSERT_TRUE(cpu) << cpu.error().message;
  const auto all = tokens(toy->model.hparams.V);
  for (backend::Backend* const backend : {ref.get(), cpu->get()}) {
    const auto make = [&] {
      return test::ToyRun::make(*backend, toy->model.graph, {DType::kF32, DType::kF32}, kTokens,
                                kTokens);
    };
    auto whole = make(), chunked = make();
    ASSERT_TRUE(whole && chunked);
    const auto expected = whole->next(all);
    ASSERT_TRUE(expected) << expected.error().message;
    std::vector<float> logits;
    for (size_t at = 0, n = 0; at < all.size(); at += n) {
      constexpr size_t kChunks[] = {1, 17, 1, 1, 3};
      n = std::min(kChunks[at % 5], all.size() - at);
      const auto part = chunked->next(std::span(all).subspan(at, n));
      ASSERT_TRUE(part) << part.error().message;
      logits.insert(logits.end(), part->begin(), part->end());
    }
    expect_near(logits, *expected, float_error(toy->model) * largest(*expected));
  }
}

INSTANTIATE_TEST_SUITE_P(All, ToyLogits, testing::ValuesIn(cases()),
                         [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(All, ToyDecoders, testing::ValuesIn(decoder_cases()),
                         [](const auto& param) { return param.param.name; });

}  // namespace
}  // namespace hearth::arch
