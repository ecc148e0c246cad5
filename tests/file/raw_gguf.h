// SPDX-License-Identifier: MIT
// GGUF files written field by field, so that a test can put a wrong value into any one of them.
// The writer of src/file refuses to write such files.
#pragma once
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace hearth::file::test {

struct Field {
  std::string label;
  size_t offset = 0;
  size_t n_bytes = 0;
};

class RawGguf {
 public:
  template <class T>
  RawGguf& put(T value, std::string label = "") {
    const size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    std::memcpy(bytes_.data() + at, &value, sizeof(T));
    if (!label.empty()) fields_.push_back({std::move(label), at, sizeof(T)});
    return *this;
  }

  // A length and characters; `label` names the length.
  RawGguf& text(std::string_view text, std::string label = "") {
    put<uint64_t>(text.size(), std::move(label));
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }

  RawGguf& header(uint64_t n_tensors, uint64_t n_entries) {
    put<uint32_t>(0x46554747, "magic").put<uint32_t>(3, "version");
    return put(n_tensors, "n_tensors").put(n_entries, "n_entries");
  }

  // The beginning of an entry: its value follows.
  RawGguf& key(std::string_view name, uint32_t type) {
    text(name, "key_length." + std::string(name));
    return put(type, "type." + std::string(name));
  }

  RawGguf& array(uint32_t element_type, uint64_t count, const std::string& name) {
    put(element_type, "element_type." + name);
    return put(count, "count." + name);
  }

  RawGguf& tensor(std::string_view name, std::vector<uint64_t> dims, uint32_t type,
                  uint64_t offset) {
    const std::string own(name);
    text(name, "name_length." + own);
    put(static_cast<uint32_t>(dims.size()), "rank." + own);
    for (size_t i = 0; i < dims.size(); ++i) put(dims[i], "dim" + std::to_string(i) + "." + own);
    put(type, "format." + own);
    return put(offset, "offset." + own);
  }

  RawGguf& align(size_t alignment) {
    while (bytes_.size() % alignment != 0) bytes_.push_back(0);
    return *this;
  }

  RawGguf& data(size_t n_bytes, uint8_t value = 0x11) {
    bytes_.insert(bytes_.end(), n_bytes, value);
    return *this;
  }

  const std::vector<uint8_t>& bytes() const { return bytes_; }
  const std::vector<Field>& fields() const { return fields_; }

  // The file with another number in one field, cut to the field's size.
  std::vector<uint8_t> with(const Field& field, uint64_t value) const {
    std::vector<uint8_t> changed = bytes_;
    std::memcpy(changed.data() + field.offset, &value, field.n_bytes);
    return changed;
  }
  std::vector<uint8_t> with(std::string_view label, uint64_t value) const {
    for (const Field& field : fields_) {
      if (field.label == label) return with(field, value);
    }
    return {};
  }

 private:
  std::vector<uint8_t> bytes_;
  std::vector<Field> fields_;
};

// A file with an entry and an array of every type, and tensors of several ranks and formats. Its
// last byte belongs to the last tensor.
inline RawGguf sample() {
  RawGguf raw;
  raw.header(4, 26);
  raw.key("general.alignment", 4).put<uint32_t>(32, "alignment");
  raw.key("s.u8", 0).put<uint8_t>(200);
  raw.key("s.i8", 1).put<int8_t>(-3);
  raw.key("s.u16", 2).put<uint16_t>(60000);
  raw.key("s.i16", 3).put<int16_t>(-300);
  raw.key("s.u32", 4).put<uint32_t>(4'000'000'000u);
  raw.key("s.i32", 5).put<int32_t>(-70000);
  raw.key("s.f32", 6).put<float>(1.5f);
  raw.key("s.bool", 7).put<uint8_t>(1, "bool");
  raw.key("s.text", 8).text("hello", "text_length");
  raw.key("s.empty", 8).text("", "empty_length");
  raw.key("s.u64", 10).put<uint64_t>(uint64_t{1} << 63);
  raw.key("s.i64", 11).put<int64_t>(-(int64_t{1} << 40));
  raw.key("s.f64", 12).put<double>(-2.25);
  raw.key("a.u8", 9).array(0, 2, "u8").put<uint8_t>(1).put<uint8_t>(255);
  raw.key("a.i8", 9).array(1, 2, "i8").put<int8_t>(-1).put<int8_t>(1);
  raw.key("a.u16", 9).array(2, 1, "u16").put<uint16_t>(65535);
  raw.key("a.i16", 9).array(3, 1, "i16").put<int16_t>(-1);
  raw.key("a.u32", 9).array(4, 2, "u32").put<uint32_t>(7).put<uint32_t>(8);
  raw.key("a.i32", 9).array(5, 0, "i32");
  raw.key("a.f32", 9).array(6, 2, "f32").put<float>(0.5f).put<float>(-1.0f);
  raw.key("a.bool", 9).array(7, 2, "bool").put<uint8_t>(0, "bool0").put<uint8_t>(1, "bool1");
  raw.key("a.text", 9).array(8, 2, "text").text("ab", "element0_length");
  raw.text("", "element1_length");
  raw.key("a.u64", 9).array(10, 1, "u64").put<uint64_t>(~uint64_t{0});
  raw.key("a.i64", 9).array(11, 1, "i64").put<int64_t>(-5);
  raw.key("a.f64", 9).array(12, 1, "f64").put<double>(3.5);
  raw.tensor("one", {3}, 0, 0);                  // 12 bytes of f32
  raw.tensor("two", {32, 2}, 8, 32);             // 68 bytes of q8_0
  raw.tensor("three", {256, 1, 2, 1}, 14, 128);  // 420 bytes of q6_k
  raw.tensor("odd", {256}, 16, 576);             // iq2_xxs, which has no data for us
  raw.align(32).data(577);
  return raw;
}

}  // namespace hearth::file::test
