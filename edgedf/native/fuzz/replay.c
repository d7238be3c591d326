/* Runs a fuzz target over files, for compilers without libFuzzer: replay FILE... */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int count, char **names) {
  for (int i = 1; i < count; i++) {
    FILE *file = fopen(names[i], "rb");
    if (file == NULL) {
      perror(names[i]);
      return 3;
    }
    uint8_t *data = malloc(1 << 20);
    if (data == NULL) return 3;
    const size_t size = fread(data, 1, 1 << 20, file);
    fclose(file);
    uint8_t *exact = malloc(size ? size : 1); /* so that a sanitizer sees its end */
    if (exact == NULL) return 3;
    for (size_t k = 0; k < size; k++) exact[k] = data[k];
    LLVMFuzzerTestOneInput(exact, size);
    free(exact);
    free(data);
  }
  printf("%d inputs replayed\n", count - 1);
  return 0;
}
