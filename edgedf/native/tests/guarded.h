/* Memory between two pages that nobody may touch: one byte too far on either side ends the program, on every
 * processor and under an emulator too, without a sanitizer. Where there is no mmap, plain memory. */
#ifndef EDF_TESTS_GUARDED_H
#define EDF_TESTS_GUARDED_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#include <unistd.h>
#if !defined(MAP_ANONYMOUS)
#define MAP_ANONYMOUS MAP_ANON
#endif
static size_t page_bytes(void) { return (size_t)sysconf(_SC_PAGESIZE); }

static uint8_t *between_guards(size_t bytes) {
  const size_t page = page_bytes();
  uint8_t *all = mmap(NULL, bytes + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (all == MAP_FAILED || mprotect(all + page, bytes, PROT_READ | PROT_WRITE) != 0) return NULL;
  return all + page;
}
#else
static size_t page_bytes(void) { return 4096; }
static uint8_t *between_guards(size_t bytes) { return malloc(bytes); }
#endif

typedef struct guarded {
  uint8_t *base;
  size_t bytes; /* whole pages */
} guarded;

/* Room for `most` bytes. */
static guarded guarded_make(size_t most) {
  const size_t page = page_bytes(), bytes = (most + page - 1) / page * page;
  const guarded made = {between_guards(bytes), bytes};
  if (made.base == NULL) {
    fprintf(stderr, "no memory\n");
    exit(3);
  }
  return made;
}

/* Where `bytes` bytes lie that end at the guard behind them, or begin at the one before. NULL: they do not fit. */
static uint8_t *guarded_place(const guarded *memory, size_t bytes, int at_end) {
  if (bytes > memory->bytes) return NULL;
  return memory->base + (at_end ? memory->bytes - bytes : 0);
}

#endif
