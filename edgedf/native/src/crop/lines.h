/* Rows of a frame that lies upright, as they lie in memory: for crops that need no columns. */
#ifndef EDF_CROP_LINES_H
#define EDF_CROP_LINES_H

#include "block.h"

#define EDF_LINES 8         /* rows that are read at once */
#define EDF_LINE_MARGIN 16  /* bytes before the first line that may be read and written */
#define EDF_LINE_SLACK 64   /* bytes after a colour's pixels that may be read */

/* The columns of the image in a square, and where they lie in it; the edges repeat around them. */
typedef struct edf_across {
  int32_t first, count; /* image columns */
  int32_t lead, side;   /* pixels of the square left of them, and all of its pixels */
} edf_across;

/* Whether the frame's rows are the upright image's, from left to right. */
int edgedf_crop_lines_fit(const edf_source *source);

/* Bytes from one colour of a line to the next; a line has three. The column buffer holds EDF_LINES of them. */
size_t edgedf_crop_line_plane(int32_t side);

/* Upright row `top` and the ones below, `rows` of them, at most EDF_LINES, to the lines at `to`. */
void edgedf_crop_lines_read(const edf_source *source, const edf_across *across, int32_t top, int32_t rows,
                            uint8_t *to);

#endif
