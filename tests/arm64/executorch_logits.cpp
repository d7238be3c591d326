// executorch_logits MODEL INPUTS OUTPUT: float32 logits of all inputs, one after the other.
// Links the arm64 wheel's own library, kernels and all, without Python and without PyTorch.
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <vector>

#include <executorch/runtime/core/data_loader.h>
#include <executorch/runtime/executor/memory_manager.h>
#include <executorch/runtime/executor/method.h>
#include <executorch/runtime/executor/program.h>
#include <executorch/runtime/platform/runtime.h>

namespace et = executorch::runtime;

namespace {

// The wheel's library logs through std::cerr, which Python's process would have set up.
const std::ios_base::Init streams;

constexpr size_t kAlignment = 64;
constexpr size_t kMethodBytes = size_t{16} << 20;

[[noreturn]] void fail(const char *what, int code) {
  std::fprintf(stderr, "executorch_logits: %s (%d)\n", what, code);
  std::_Exit(1);
}

std::vector<char> read_file(const char *path) {
  std::FILE *file = std::fopen(path, "rb");
  if (file == nullptr) fail(path, 2);
  std::vector<char> bytes;
  char part[65536];
  for (size_t n; (n = std::fread(part, 1, sizeof part, file)) > 0;) bytes.insert(bytes.end(), part, part + n);
  std::fclose(file);
  return bytes;
}

// Aligned memory that lives until the program ends.
uint8_t *aligned(size_t bytes) {
  void *memory = nullptr;
  if (posix_memalign(&memory, kAlignment, bytes ? bytes : 1) != 0) fail("out of memory", 3);
  return static_cast<uint8_t *>(memory);
}

class MemoryLoader final : public et::DataLoader {
 public:
  MemoryLoader(const uint8_t *data, size_t size) : data_(data), size_(size) {}
  et::Result<et::FreeableBuffer> load(size_t offset, size_t size, const SegmentInfo &) const override {
    return et::FreeableBuffer(data_ + offset, size, nullptr);
  }
  et::Error load_into(size_t offset, size_t size, const SegmentInfo &, void *target) const override {
    std::memcpy(target, data_ + offset, size);
    return et::Error::Ok;
  }
  et::Result<size_t> size() const override { return size_; }

 private:
  const uint8_t *data_;
  size_t size_;
};

}  // namespace

int main(int count, char **names) {
  if (count != 4) fail("usage: executorch_logits MODEL INPUTS OUTPUT", 2);
  et::runtime_init();
  const std::vector<char> file = read_file(names[1]);
  uint8_t *bytes = aligned(file.size());
  std::memcpy(bytes, file.data(), file.size());
  MemoryLoader loader(bytes, file.size());
  auto program = et::Program::load(&loader);
  if (!program.ok()) fail("the program does not load", static_cast<int>(program.error()));
  auto meta = program->method_meta("forward");
  if (!meta.ok()) fail("no method forward", static_cast<int>(meta.error()));

  et::MemoryAllocator method_memory(kMethodBytes, aligned(kMethodBytes));
  std::vector<et::Span<uint8_t>> planned;
  for (size_t i = 0; i < meta->num_memory_planned_buffers(); i++) {
    const size_t size = static_cast<size_t>(meta->memory_planned_buffer_size(i).get());
    planned.push_back({aligned(size), size});
  }
  et::HierarchicalAllocator activations({planned.data(), planned.size()});
  et::MemoryManager memory(&method_memory, &activations);
  auto method = program->load_method("forward", &memory);
  if (!method.ok()) fail("the method does not load", static_cast<int>(method.error()));

  auto shape = meta->input_tensor_meta(0);
  std::vector<executorch::aten::SizesType> sizes(shape->sizes().begin(), shape->sizes().end());
  std::vector<executorch::aten::DimOrderType> order(shape->dim_order().begin(), shape->dim_order().end());
  size_t input_bytes = sizeof(float);
  for (auto size : sizes) input_bytes *= static_cast<size_t>(size);
  std::vector<char> inputs = read_file(names[2]);
  std::FILE *output = std::fopen(names[3], "wb");
  if (output == nullptr) fail(names[3], 2);
  for (size_t at = 0; at + input_bytes <= inputs.size(); at += input_bytes) {
    executorch::aten::TensorImpl tensor(shape->scalar_type(), static_cast<ssize_t>(sizes.size()), sizes.data(),
                                        inputs.data() + at, order.data());
    if (method->set_input(et::EValue(executorch::aten::Tensor(&tensor)), 0) != et::Error::Ok) fail("bad input", 1);
    const et::Error error = method->execute();
    if (error != et::Error::Ok) fail("the method fails", static_cast<int>(error));
    std::fwrite(method->get_output(0).toTensor().const_data_ptr(), sizeof(float), 1, output);
  }
  _exit(std::fclose(output) == 0 ? 0 : 1);  // the library's own clean-up wants the Python that is not there
}
