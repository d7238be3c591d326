/* Read edgedf-run's command line; every mistake is one line that names the argument. */
#include "run_options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "edgedf/model.h"

#define POSITIONS 9

static const char usage[] =
    "usage: edgedf-run MODEL.edgedfm FRAME FORMAT WIDTH HEIGHT X Y BOX_WIDTH BOX_HEIGHT [OPTION...]\n"
    "One raw camera frame and a face box in, the verdict as one line of JSON out.\n"
    "  FRAME              file of raw bytes, '-' reads standard input\n"
    "  FORMAT             rgba bgra rgb gray nv21 nv12 i420\n"
    "  WIDTH HEIGHT       of the stored frame, pixels\n"
    "  X Y BOX_WIDTH BOX_HEIGHT\n"
    "                     face box in pixels of the upright image, 1 wide and high or more;\n"
    "                     it may leave the image\n"
    "  --rotate DEGREES   0, 90, 180 or 270 clockwise make the frame upright (default 0)\n"
    "  --mirror           the upright image is then flipped left to right\n"
    "  --matrix NAME      bt601 or bt709, full range, of YUV formats (default bt601)\n"
    "  --strides N[,N,N]  bytes from row to row, one per plane (default: rows without gaps)\n"
    "  --threads N        1 to 64 (default 1)\n"
    "  --repeat N         run the model N times and add median and fastest milliseconds (default 1)\n"
    "  --kernels NAME     avx512, avx2, neon or portable, as far as processor and program have them (default:\n"
    "                     the best); with +float32 behind it, int8 files are computed in float32\n"
    "Exit codes: 0 a verdict was printed, 2 bad input or a model without a finite logit, 3 out of memory.\n"
    "Example: edgedf-run mesonet.edgedfm frame.nv21 nv21 1920 1080 700 300 320 400 --rotate 90\n";

static const char *const formats[] = {"rgba", "bgra", "rgb", "gray", "nv21", "nv12", "i420"};

static void put(const char *text) {
  for (; *text != '\0'; text++) fputc((unsigned char)*text < 32 || *text == 127 ? '?' : *text, stderr);
}

int run_fail(int code, const char *what, const char *why) {
  fputs("error: ", stderr);
  put(what);
  fputs(": ", stderr);
  put(why);
  fputc('\n', stderr);
  return code;
}

/* "'abc' is not a whole number from 1 to 64", printed. */
static int refuse(const char *name, const char *text, const char *expected) {
  char why[200];
  snprintf(why, sizeof why, "'%.60s' is not %s", text, expected);
  return run_fail(2, name, why);
}

static int read_int(const char *name, const char *text, int32_t low, int32_t high, int32_t *value) {
  char *end, expected[80];
  double number = strtod(text, &end);
  if (*text != '\0' && *end == '\0' && number >= low && number <= high) {
    *value = (int32_t)number;
    if (*value == number) return 0;
  }
  snprintf(expected, sizeof expected, "a whole number from %ld to %ld", (long)low, (long)high);
  return refuse(name, text, expected);
}

static int read_number(const char *name, const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  return *text != '\0' && *end == '\0' ? 0 : refuse(name, text, "a number");
}

/* The index of `text` among `names`; exit code 2 if it is none of them. */
static int read_name(const char *name, const char *text, const char *const *names, int32_t count,
                     const char *expected, int32_t *value) {
  for (*value = 0; *value < count; ++*value)
    if (strcmp(text, names[*value]) == 0) return 0;
  return refuse(name, text, expected);
}

static int planes_of(int32_t format) { return format < EDGEDF_NV21 ? 1 : format == EDGEDF_I420 ? 3 : 2; }

static int read_strides(const char *text, run_options *options) {
  const char *at = text;
  for (int i = 0; i < planes_of(options->frame.format); i++) {
    char *end;
    long long stride = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : 0;
    if (stride < 1 || stride > INT32_MAX || *end != (i + 1 < planes_of(options->frame.format) ? ',' : '\0'))
      return refuse("--strides", text, "one whole number from 1 to 2147483647 for each plane of this format");
    options->strides[i] = stride;
    at = end + 1;
  }
  return 0;
}

static int read_option(const char *name, const char *value, run_options *options) {
  static const char *const matrices[] = {"bt601", "bt709"}, *const rotations[] = {"0", "90", "180", "270"};
  int code;
  if (strcmp(name, "--rotate") == 0) {
    code = read_name(name, value, rotations, 4, "0, 90, 180 or 270", &options->frame.rotation);
    options->frame.rotation *= 90;
    return code;
  }
  if (strcmp(name, "--matrix") == 0)
    return read_name(name, value, matrices, 2, "bt601 or bt709", &options->frame.matrix);
  if (strcmp(name, "--strides") == 0) return read_strides(value, options);
  if (strcmp(name, "--threads") == 0) return read_int(name, value, 1, EDGEDF_MODEL_MAX_THREADS, &options->threads);
  if (strcmp(name, "--repeat") == 0) return read_int(name, value, 1, RUN_MAX_REPEAT, &options->repeat);
  if (strcmp(name, "--kernels") == 0) {
    options->kernels = edgedf_model_variant(value);
    if (options->kernels != NULL) return 0;
    return refuse(name, value, "among the kernels of this processor and program; --help lists them");
  }
  return run_fail(2, name, "no such option; --help lists them");
}

static int read_positions(char **argv, run_options *options) {
  static const char *const names[] = {"X", "Y", "BOX_WIDTH", "BOX_HEIGHT"};
  double *box[] = {&options->box.x, &options->box.y, &options->box.width, &options->box.height};
  edgedf_frame *frame = &options->frame;
  options->model = argv[0];
  options->frame_path = argv[1];
  int code = read_name("FORMAT", argv[2], formats, 7, "one of rgba bgra rgb gray nv21 nv12 i420", &frame->format);
  if (code == 0) code = read_int("WIDTH", argv[3], 1, EDGEDF_CROP_MAX_IMAGE, &frame->width);
  if (code == 0) code = read_int("HEIGHT", argv[4], 1, EDGEDF_CROP_MAX_IMAGE, &frame->height);
  for (int i = 0; i < 4 && code == 0; i++) code = read_number(names[i], argv[5 + i], box[i]);
  /* No face is smaller than a pixel. The crop says what else is wrong with a box. */
  for (int i = 2; i < 4 && code == 0; i++)
    if (*box[i] < 1) code = refuse(names[i], argv[5 + i], "1 or more, in pixels");
  return code;
}

int run_parse(int argc, char **argv, run_options *options) {
  memset(options, 0, sizeof *options);
  options->threads = options->repeat = 1;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--help") == 0) {
      fputs(usage, stdout);
      return -1;
    }
  }
  /* The positions come first, so that a negative number is never taken for an option. */
  int count = 1;
  while (count < argc && strncmp(argv[count], "--", 2) != 0) count++;
  if (count - 1 != POSITIONS) return run_fail(2, "arguments", "expected nine before the options; --help lists them");
  int code = read_positions(argv + 1, options);
  for (int i = count; i < argc && code == 0; i++) {
    if (strcmp(argv[i], "--mirror") == 0) {
      options->frame.mirrored = 1;
    } else if (strncmp(argv[i], "--", 2) != 0) {
      code = run_fail(2, argv[i], "stands after the options; --help shows the order");
    } else if (i + 1 == argc) {
      code = run_fail(2, argv[i], "no such option, or its value is missing; --help lists them");
    } else {
      code = read_option(argv[i], argv[i + 1], options);
      i++;
    }
  }
  return code;
}

static int refuse_stride(int64_t stride, int plane, int64_t row_bytes) {
  char why[120];
  snprintf(why, sizeof why, "%lld is less than the %lld bytes of a row of plane %d", (long long)stride,
           (long long)row_bytes, plane);
  return run_fail(2, "--strides", why);
}

static int refuse_size(const run_options *options, size_t bytes, int64_t least, int64_t most) {
  const edgedf_frame *frame = &options->frame;
  char why[200], expected[60];
  if (least == most)
    snprintf(expected, sizeof expected, "%lld", (long long)least);
  else
    snprintf(expected, sizeof expected, "%lld to %lld", (long long)least, (long long)most);
  snprintf(why, sizeof why, "its size is not that of %ld x %ld pixels of %s%s: %lld bytes, expected %s",
           (long)frame->width, (long)frame->height, formats[frame->format],
           options->strides[0] ? " with these strides" : "", (long long)bytes, expected);
  return run_fail(2, options->frame_path, why);
}

int run_set_planes(run_options *options, const uint8_t *data, size_t bytes) {
  static const int64_t pixel_bytes[] = {4, 4, 3, 1, 1, 1, 1};
  edgedf_frame *frame = &options->frame;
  const int planes = planes_of(frame->format);
  int64_t starts[4] = {0}, least = 0; /* where planes begin and the last one ends; fewest bytes that hold them */
  for (int i = 0; i < planes; i++) {
    int64_t columns = i ? (frame->width + 1) / 2 : frame->width, rows = i ? (frame->height + 1) / 2 : frame->height;
    int64_t packed = columns * (i ? (planes == 2 ? 2 : 1) : pixel_bytes[frame->format]);
    int64_t stride = options->strides[i] ? options->strides[i] : packed;
    if (stride < packed) return refuse_stride(stride, i, packed);
    frame->planes[i].row_stride = stride;
    least = starts[i] + stride * (rows - 1) + packed;
    starts[i + 1] = starts[i] + stride * rows;
  }
  const int64_t most = starts[planes], total = (int64_t)bytes;
  if (total < least || total > most) return refuse_size(options, bytes, least, most);
  for (int i = 0; i < planes; i++) {
    const int64_t end = starts[i + 1] < total ? starts[i + 1] : total;
    frame->planes[i].data = data + starts[i];
    frame->planes[i].bytes = (size_t)(end - starts[i]);
  }
  return 0;
}
