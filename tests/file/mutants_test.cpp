// SPDX-License-Identifier: MIT
// Several hundred files with one wrong field each: every one is refused with the right code and a
// message that names the field or tensor, and no one makes the reader take more memory than the
// file's size and 64 MiB (RELIABILITY F01, F02, F04).
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <limits>
#include <new>

#include "file/gguf.h"
#include "file/gguf_parse.h"
#include "tests/file/raw_gguf.h"
#include "tests/support/guarded_bytes.h"

namespace hearth::file::test {

namespace {

using hearth::test::GuardedBytes;

struct Mutant {
  std::string name;
  std::vector<uint8_t> bytes;
  ErrorCode expected = ErrorCode::kCorrupt;
  std::string words;  // what the message must name
};

constexpr uint64_t kMax64 = std::numeric_limits<uint64_t>::max();
constexpr uint64_t kHigh = uint64_t{1} << 63;
constexpr uint64_t kMax32 = std::numeric_limits<uint32_t>::max();

bool begins_with(const std::string& text, std::string_view beginning) {
  return text.starts_with(beginning);
}

std::string after_dot(const std::string& label) { return label.substr(label.find('.') + 1); }

class Collector {
 public:
  explicit Collector(std::vector<Mutant>& out) : out_(out) {}

  void set(const std::string& label, std::initializer_list<uint64_t> values, ErrorCode expected,
           const std::string& words) {
    for (const uint64_t value : values) {
      out_.push_back(
          {fmt::format("{} = {}", label, value), raw_.with(label, value), expected, words});
    }
  }

  const RawGguf& raw() const { return raw_; }

 private:
  std::vector<Mutant>& out_;
  RawGguf raw_ = sample();
};

void add_header_mutants(Collector& add) {
  add.set("magic", {0, 0x46554746, 0x4c4d4747, 0x66756767, kMax32}, ErrorCode::kCorrupt,
          "not a GGUF");
  add.set("magic", {0x47475546}, ErrorCode::kUnsupported, "big-endian");
  add.set("version", {0x02000000, 0x03000000}, ErrorCode::kUnsupported, "big-endian");
  add.set("version", {0, 1, 4, 5, 77, kMax32}, ErrorCode::kUnsupported, "version");
  add.set("n_tensors", {100'000, 1u << 31, kMax32, kHigh, kMax64}, ErrorCode::kCorrupt,
          "tensor count");
  add.set("n_entries", {100'000, 1u << 31, kMax32, kHigh, kMax64}, ErrorCode::kCorrupt,
          "metadata count");
  // Counts that are off by a little make the tables run into each other.
  add.set("n_tensors", {5, 6}, ErrorCode::kCorrupt, "");
  add.set("n_entries", {1, 27}, ErrorCode::kCorrupt, "");
  add.set("n_entries", {0, 5}, ErrorCode::kLimit, "dimension 0");
  add.set("n_entries", {25}, ErrorCode::kUnsupported, "9 dimensions");
}

void add_metadata_mutants(Collector& add) {
  for (const Field& field : add.raw().fields()) {
    const std::string name = "'" + after_dot(field.label) + "'";
    if (begins_with(field.label, "key_length.")) {
      add.set(field.label, {0, 100'000, kMax32, kHigh, kMax64}, ErrorCode::kCorrupt,
              "metadata entry");
    }
    if (begins_with(field.label, "type.")) {
      add.set(field.label, {13, 255, 1u << 31, kMax32}, ErrorCode::kCorrupt, name);
    }
    if (begins_with(field.label, "element_type.")) {
      add.set(field.label, {13, 99, kMax32}, ErrorCode::kCorrupt, "value type");
      add.set(field.label, {9}, ErrorCode::kUnsupported, "arrays of arrays");
    }
    if (begins_with(field.label, "count.")) {
      add.set(field.label, {100'000, kMax32, uint64_t{1} << 60, uint64_t{1} << 61, kHigh, kMax64},
              ErrorCode::kCorrupt, "'a." + after_dot(field.label) + "'");
    }
  }
  for (const char* const label :
       {"text_length", "empty_length", "element0_length", "element1_length"}) {
    add.set(label, {100'000, kMax32, kHigh, kMax64 - 7, kMax64}, ErrorCode::kCorrupt, "metadata '");
  }
  add.set("bool", {2, 3, 128, 255}, ErrorCode::kCorrupt, "'s.bool'");
  add.set("bool0", {2, 255}, ErrorCode::kCorrupt, "'a.bool'");
  add.set("bool1", {2, 255}, ErrorCode::kCorrupt, "'a.bool'");
  add.set("alignment", {0, 1, 2, 4, 7, 24, 33, 96, 131072, 1u << 31, kMax32}, ErrorCode::kCorrupt,
          "general.alignment");
  add.set("alignment", {64, 65536}, ErrorCode::kCorrupt, "offset");
  // The same four bytes as other types: not the type that the key must have.
  add.set("type.general.alignment", {5, 6}, ErrorCode::kCorrupt, "general.alignment");
}

void add_tensor_mutants(Collector& add) {
  for (const char* const name : {"one", "two", "three", "odd"}) {
    const std::string own = name;
    const std::string named = "'" + own + "'";
    add.set("name_length." + own, {0, 100'000, kMax32, kHigh, kMax64}, ErrorCode::kCorrupt,
            "tensor ");
    add.set("rank." + own, {5, 6, 255, 1u << 31, kMax32}, ErrorCode::kUnsupported, named);
    add.set("dim0." + own, {0}, ErrorCode::kCorrupt, named);
    add.set("dim0." + own, {uint64_t{1} << 31, kMax32, kHigh, kMax64}, ErrorCode::kLimit, named);
    add.set("offset." + own, {1, 31, 33, 4097}, ErrorCode::kCorrupt, named);
    add.set("offset." + own, {uint64_t{1} << 20, uint64_t{1} << 40, kHigh}, ErrorCode::kCorrupt,
            named);
    add.set("offset." + own, {kMax64 - 31}, ErrorCode::kCorrupt, named);
  }
  // Shapes whose size leaves the file, or whose product leaves 64 bits.
  add.set("dim0.one", {1000, 1'000'000, (uint64_t{1} << 31) - 1}, ErrorCode::kCorrupt, "'one'");
  add.set("dim1.two", {1000, 1u << 30, (uint64_t{1} << 31) - 1}, ErrorCode::kCorrupt, "'two'");
  add.set("dim1.two", {uint64_t{1} << 32, kMax64}, ErrorCode::kLimit, "'two'");
  add.set("dim1.two", {0}, ErrorCode::kCorrupt, "'two'");
  // Rows that are no whole number of blocks.
  add.set("dim0.two", {1, 16, 31, 33, 63}, ErrorCode::kCorrupt, "whole number");
  add.set("dim0.three", {1, 32, 128, 255, 257}, ErrorCode::kCorrupt, "whole number");
  // Ranges that lie on each other.
  add.set("offset.two", {0, 128, 160}, ErrorCode::kCorrupt, "overlap");
  add.set("offset.odd", {0, 32, 64, 96, 128, 512}, ErrorCode::kCorrupt, "overlap");
  add.set("dim0.one", {9, 24}, ErrorCode::kCorrupt, "overlap");
  add.set("dim1.two", {3, 4}, ErrorCode::kCorrupt, "overlap");
  // Another format of another size under the same shape.
  add.set("format.three", {0, 1, 30}, ErrorCode::kCorrupt, "");
}

Mutant made(const std::string& name, const RawGguf& raw, ErrorCode code, const std::string& words) {
  return {name, raw.bytes(), code, words};
}

void add_made_mutants(std::vector<Mutant>& out) {
  RawGguf twice;
  twice.header(0, 2).key("k", 4).put<uint32_t>(1).key("k", 4).put<uint32_t>(2);
  out.push_back(made("a key twice", twice, ErrorCode::kCorrupt, "'k': given twice"));
  RawGguf same;
  same.header(2, 0).tensor("t", {1}, 0, 0).tensor("t", {1}, 0, 32).align(32).data(64);
  out.push_back(made("a tensor twice", same, ErrorCode::kCorrupt, "'t': given twice"));
  RawGguf long_name;
  long_name.header(1, 0).tensor(std::string(257, 'n'), {1}, 0, 0).align(32).data(32);
  out.push_back(made("a long name", long_name, ErrorCode::kLimit, "at most 256"));
  RawGguf long_key;
  long_key.header(0, 1).key(std::string(65'536, 'k'), 4).put<uint32_t>(1);
  out.push_back(made("a long key", long_key, ErrorCode::kLimit, "at most 65535"));
  RawGguf long_text;
  long_text.header(0, 1).key("k", 8).text(std::string(kMaxString + 1, 'x'));
  out.push_back(made("a long string", long_text, ErrorCode::kLimit, "'k'"));
  RawGguf long_element;
  long_element.header(0, 1).key("k", 9).array(8, 1, "k").text(std::string(kMaxString + 1, 'x'));
  out.push_back(made("a long element", long_element, ErrorCode::kLimit, "string 0"));
  RawGguf many_tensors;
  many_tensors.header(kMaxTensors + 1, 0).data(26 * kMaxTensors);
  out.push_back(made("many tensors", many_tensors, ErrorCode::kLimit, "tensor count"));
  RawGguf many_entries;
  many_entries.header(0, kMaxEntries + 1).data(26 * kMaxEntries);
  out.push_back(made("many entries", many_entries, ErrorCode::kLimit, "metadata count"));
  RawGguf exabytes;  // a product of dimensions that leaves 64 bits
  exabytes.header(1, 0).tensor("t", {1u << 30, 1u << 30, 1u << 30, 32}, 0, 0).align(32).data(64);
  out.push_back(made("exabytes", exabytes, ErrorCode::kCorrupt, "too many elements"));
  RawGguf wide;  // elements fit into 63 bits, bytes do not
  wide.header(1, 0).tensor("t", {1u << 30, 1u << 30, 4}, 0, 0).align(32).data(64);
  out.push_back(made("wide", wide, ErrorCode::kCorrupt, "too many bytes"));
  RawGguf nested;
  nested.header(0, 1).key("k", 9);
  for (int i = 0; i < 10'000; ++i) nested.put<uint32_t>(9).put<uint64_t>(1);
  out.push_back(made("nested arrays", nested, ErrorCode::kUnsupported, "arrays of arrays"));
}

std::vector<Mutant> all_mutants() {
  std::vector<Mutant> mutants;
  Collector add(mutants);
  add_header_mutants(add);
  add_metadata_mutants(add);
  add_tensor_mutants(add);
  add_made_mutants(mutants);
  return mutants;
}

TEST(GgufMutants, every_one_of_hundreds_is_refused_with_its_code_and_named) {
  const std::vector<Mutant> mutants = all_mutants();
  EXPECT_GE(mutants.size(), 300u);
  GuardedBytes guard(kMaxString + 4096);
  for (const Mutant& mutant : mutants) {
    ASSERT_FALSE(mutant.bytes.empty()) << mutant.name << ": no such field";
    const auto model = Gguf::parse(guard.hold(mutant.bytes));
    ASSERT_FALSE(model) << mutant.name;
    EXPECT_EQ(model.error().code, mutant.expected) << mutant.name << ": " << model.error().message;
    EXPECT_NE(model.error().message.find(mutant.words), std::string::npos)
        << mutant.name << ": " << model.error().message;
    EXPECT_LT(model.error().message.size(), 400u) << mutant.name;
  }
}

// Files that are valid but as costly as their size allows.
std::vector<std::vector<uint8_t>> costly_files() {
  std::vector<std::vector<uint8_t>> files;
  RawGguf entries;
  entries.header(0, kMaxEntries);
  for (uint64_t i = 0; i < kMaxEntries; ++i) {
    entries.text(std::string_view(reinterpret_cast<const char*>(&i), 3))
        .put<uint32_t>(0)
        .put<uint8_t>(1);
  }
  files.push_back(entries.bytes());
  RawGguf tensors;
  tensors.header(kMaxTensors, 0);
  for (uint64_t i = 0; i < kMaxTensors; ++i) {
    tensors.text(std::string_view(reinterpret_cast<const char*>(&i), 3));
    tensors.put<uint32_t>(0).put<uint32_t>(0).put<uint64_t>(i * 32);
  }
  tensors.align(32).data(kMaxTensors * 32);
  files.push_back(tensors.bytes());
  RawGguf texts;
  texts.header(0, 1).key("k", 9).array(8, kMaxArrayLookup, "k").data(kMaxArrayLookup * 8, 0);
  files.push_back(texts.bytes());
  RawGguf numbers;
  numbers.header(0, 1).key("k", 9).array(0, kMaxArrayLookup, "k").data(kMaxArrayLookup);
  files.push_back(numbers.bytes());
  return files;
}

#ifndef HEARTH_SANITIZED
uint64_t address_space_bytes() {
  std::ifstream in("/proc/self/statm");
  uint64_t pages = 0;
  in >> pages;
  return pages * static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
}

// In a child that may map no more than `allowance` bytes: 0 when `work` got through.
int run_bounded(uint64_t allowance, const std::function<bool()>& work) {
  const pid_t child = ::fork();
  if (child < 0) return -1;
  if (child == 0) {
    const rlim_t limit = address_space_bytes() + allowance;
    const rlimit bound{limit, limit};
    bool good = ::setrlimit(RLIMIT_AS, &bound) == 0;
    try {
      good = good && work();
    } catch (const std::bad_alloc&) {
      good = false;
    }
    ::_exit(good ? 0 : 1);
  }
  int status = 0;
  return ::waitpid(child, &status, 0) == child ? status : -1;
}
#endif

TEST(GgufMutants, no_file_takes_more_memory_than_its_size_and_64_mib) {
#ifdef HEARTH_SANITIZED
  GTEST_SKIP() << "a sanitizer's own memory is beyond any such bound";
#else
  constexpr uint64_t kAllowance = uint64_t{64} << 20;
  const std::vector<Mutant> mutants = all_mutants();
  EXPECT_EQ(run_bounded(kAllowance,
                        [&] {
                          for (const Mutant& mutant : mutants) {
                            if (Gguf::parse(mutant.bytes)) return false;
                          }
                          return true;
                        }),
            0);
  for (const std::vector<uint8_t>& bytes : costly_files()) {
    EXPECT_EQ(run_bounded(kAllowance + bytes.size(),
                          [&] {
                            const auto model = Gguf::parse(bytes);
                            if (!model) return false;
                            const auto texts = model->metadata().texts("k");
                            const auto integers = model->metadata().integers("k");
                            return !(texts && integers);
                          }),
              0)
        << bytes.size() << " bytes";
  }
  // The bound itself works: an allocation beyond it fails.
  EXPECT_NE(
      run_bounded(kAllowance, [] { return std::vector<uint8_t>(2 * kAllowance, 1).back() == 1; }),
      0);
#endif
}

TEST(GgufMutants, costly_files_are_read) {
  for (const std::vector<uint8_t>& bytes : costly_files()) {
    const auto model = Gguf::parse(bytes);
    EXPECT_TRUE(model) << model.error().message;
  }
}

}  // namespace
}  // namespace hearth::file::test
