/* The inner loops, one table of functions per instruction set. crop_portable.c is the definition; every other
 * variant gives the same bytes.
 *
 * Colours lie apart: a row is its reds, then its greens, then its blues. Before the sideways resize the rows
 * are turned in blocks of EDF_BLOCK: a column is EDF_COLUMN bytes, the block's reds, greens and blues at one x.
 * Then both passes of the resize are the same job, a weighted sum of byte rows, without shuffles. */
#ifndef EDF_CROP_KERNELS_H
#define EDF_CROP_KERNELS_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"
#include "weights.h"

#define EDF_BLOCK 32                /* upright rows that are resized sideways at once */
#define EDF_COLUMN (3 * EDF_BLOCK)  /* bytes of one column of a block */
#define EDF_TILE 16                 /* columns that are turned at once: buffers hold a multiple of them */
#define EDF_SLACK 64                /* bytes that `vertical` may read and write beyond a line's last one */

/* Colour formula, in 1/16384: R = Y + rv * (V - 128), G = Y + gu * (U - 128) + gv * (V - 128), ... */
typedef struct edf_matrix {
  int16_t rv, gu, gv, bu;
} edf_matrix;

/* Runs of `n` stored pixels to read, `rows` of them: the first begins at (x, y), each next one `down` (1 or -1)
 * stored rows below. Run i goes to target + i * target_row, its colours `target_plane` bytes apart. */
typedef struct edf_area {
  const edf_view *view;
  int32_t x, y, down, rows; /* x is even where the format is YUV */
  size_t n;
  uint8_t *target;
  size_t target_row, target_plane;
} edf_area;

/* A line whose colours are `plane` bytes apart to `size` bytes of each colour, `target_plane` bytes apart. The byte
 * before the line and EDF_LINE_SLACK after each colour are read, up to 31 bytes after each colour are written. */
typedef struct edf_halving {
  const uint8_t *line;
  uint8_t *target;
  size_t plane, target_plane;
  int32_t size;
} edf_halving;

typedef struct edf_crop_kernels {
  /* Packed pixels of 3 or 4 bytes. */
  void (*split)(const edf_area *area);
  void (*convert_yuv)(const edf_area *area);
  /* EDF_BLOCK rows, `pitch` bytes apart, of one colour to n columns (rounded up to EDF_TILE) at `columns`. */
  void (*turn)(const uint8_t *rows, size_t pitch, uint8_t *columns, size_t n);
  /* The sideways resize: columns[x] is the block's column x. Output row r of the block goes to rows[r]: `size`
   * bytes of each colour, the colours `plane` bytes apart (size rounded up to EDF_TILE). Here and in `vertical`
   * the one after an output's last column or row is there too: it may be read, with a weight of 0. */
  void (*horizontal)(const uint8_t *const *columns, const edf_weights *weights, int32_t size,
                     uint8_t *const *rows, size_t plane);
  /* target[i] = the sum of rows[0..]'s bytes i weighted as output `o` needs it, i in 0..bytes. */
  void (*vertical)(const uint8_t *const *rows, const edf_weights *weights, int32_t o, uint8_t *target,
                   size_t bytes);
  /* The sideways resize of a line to half its size. NULL: done by columns. */
  void (*halve)(const edf_halving *job, const edf_weights *weights);
  /* n pixels of a line whose colours are `plane` bytes apart to packed RGB. */
  void (*join)(const uint8_t *line, size_t plane, uint8_t *rgb, size_t n);
} edf_crop_kernels;

/* The best table of this processor, leaving out the instruction sets in `without` (edgedf_cpu bits). */
const edf_crop_kernels *edgedf_crop_kernels_get(uint32_t without);

extern const edf_crop_kernels edgedf_crop_portable;

/* What one run of an area needs, and the pixels from `done` on of it: for what whole vectors leave over. */
typedef struct edf_run {
  const uint8_t *pixels, *u, *v; /* `pixels`: Y where the format is YUV */
  uint8_t *red, *green, *blue;
} edf_run;

edf_run edgedf_crop_run(const edf_area *area, int32_t row);
/* Run `row`, and the next one if it has the same chroma rows: returns 1 or 2. */
int32_t edgedf_crop_chroma_lines(const edf_area *area, int32_t row, edf_run *lines);
edf_matrix edgedf_crop_matrix(const edf_area *area);
void edgedf_crop_split_run(const edf_area *area, const edf_run *run, size_t done);
void edgedf_crop_convert_run(const edf_area *area, const edf_run *run, size_t done);
/* The first and the last output of a line that is halved: their weights are not those of the others. */
void edgedf_crop_halve_ends(const edf_halving *job, const edf_weights *weights);
void edgedf_crop_join(const uint8_t *line, size_t plane, uint8_t *rgb, size_t n);

#if defined(__x86_64__) || defined(_M_X64) || defined(__i386__)
#define EDF_X86 1
extern const edf_crop_kernels edgedf_crop_sse41, edgedf_crop_avx2;
#endif
#if defined(__aarch64__) && defined(__ARM_NEON)
#define EDF_NEON 1
extern const edf_crop_kernels edgedf_crop_neon;
#endif

#endif
