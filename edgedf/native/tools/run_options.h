/* What edgedf-run was asked for. */
#ifndef EDGEDF_RUN_OPTIONS_H
#define EDGEDF_RUN_OPTIONS_H

#include "edgedf/crop.h"

#define RUN_MAX_FILE (1u << 30) /* bytes of a model or a frame */
#define RUN_MAX_REPEAT 100000

typedef struct run_options {
  const char *model, *frame_path; /* frame_path "-": standard input */
  edgedf_frame frame;             /* all but the planes' data */
  edgedf_box box;
  int64_t strides[3]; /* bytes from row to row of each plane, 0: packed */
  int32_t threads, repeat;
  const char *kernels; /* a name of edgedf_model_variant, or NULL for the best */
} run_options;

/* 0 and the options; or an exit code to leave with, after usage or one line about what is wrong was printed:
 * -1 stands for "help was printed, leave with 0". */
int run_parse(int argc, char **argv, run_options *options);

/* Point the frame's planes into `data`. The planes follow each other, each of rows x stride bytes; the very last
 * row may end with its last pixel. 0, or an exit code after printing why `data` is not such a frame. */
int run_set_planes(run_options *options, const uint8_t *data, size_t bytes);

/* Print "error: WHAT: WHY" with everything that could drive a terminal replaced, and return `code`. */
int run_fail(int code, const char *what, const char *why);

#endif
