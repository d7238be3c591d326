/* edgedf-crop-1: a camera frame and a face box in, the detector's square crop out.
 *
 * face box in the upright image -> square of side floor(box_scale * max(w, h) + 0.5) on the same centre ->
 * pixels outside the image repeat the edge -> antialiased triangle-filter resize to size x size -> RGB.
 *
 * The result is bit-equal to Pillow's resize(..., BILINEAR) of the same square and the same on every processor.
 * No call allocates memory or keeps a pointer; all calls are safe from many threads. The one thing that is kept
 * between calls is which instruction sets the processor has.
 * Of a frame only the rows and columns around the square are read, never a byte outside its planes.
 * docs/crop.md holds the rule and the colour formula in full.
 */
#ifndef EDGEDF_CROP_H
#define EDGEDF_CROP_H

#include <stddef.h>
#include <stdint.h>

#include "edgedf/api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGEDF_CROP_MAX_IMAGE 65536 /* largest width or height of a frame, pixels */
#define EDGEDF_CROP_MAX_SIDE 32768  /* largest side of the crop square, pixels */
#define EDGEDF_CROP_MAX_SIZE 4096   /* largest side of the crop that comes out, pixels */
#define EDGEDF_CROP_MAX_ROW_STRIDE ((int64_t)1 << 40)   /* bytes */
#define EDGEDF_CROP_MAX_PIXEL_STRIDE ((int64_t)1 << 23) /* bytes */

/* Numbers are part of the interface and never change meaning. */
typedef enum edgedf_crop_status {
  EDGEDF_CROP_OK = 0,
  EDGEDF_CROP_NULL = 1,             /* a pointer that must not be NULL is */
  EDGEDF_CROP_BAD_FORMAT = 2,       /* frame.format is not an edgedf_pixel_format */
  EDGEDF_CROP_BAD_DIMENSIONS = 3,   /* width or height outside 1..EDGEDF_CROP_MAX_IMAGE */
  EDGEDF_CROP_BAD_ROW_STRIDE = 4,   /* a row stride is negative or smaller than the bytes of a row */
  EDGEDF_CROP_PLANE_TOO_SMALL = 5,  /* a plane's bytes do not hold the rows that the strides promise */
  EDGEDF_CROP_BAD_ROTATION = 6,     /* rotation is not 0, 90, 180 or 270, or mirrored not 0 or 1 */
  EDGEDF_CROP_BAD_MATRIX = 7,       /* frame.matrix is not an edgedf_color_matrix */
  EDGEDF_CROP_BAD_BOX = 8,          /* the box is NaN, infinite, empty, or a number in it is beyond 1e6 */
  EDGEDF_CROP_BOX_TOO_LARGE = 9,    /* the crop square is larger than EDGEDF_CROP_MAX_SIDE */
  EDGEDF_CROP_BAD_SCALE = 10,       /* box_scale is not inside (0, 16] */
  EDGEDF_CROP_BAD_SIZE = 11,        /* size outside 1..EDGEDF_CROP_MAX_SIZE */
  EDGEDF_CROP_BAD_OUTPUT = 12,      /* output is not an edgedf_crop_output */
  EDGEDF_CROP_OUTPUT_TOO_SMALL = 13, /* output_bytes is less than edgedf_crop_output_bytes says */
  EDGEDF_CROP_OUTPUT_MISALIGNED = 14, /* a float output at an address that is no multiple of 4 */
  EDGEDF_CROP_WORKSPACE_TOO_SMALL = 15, /* workspace_bytes is less than edgedf_crop_workspace says */
  EDGEDF_CROP_BAD_REQUEST = 16, /* request.reserved is not 0, or `without` has a bit that is not an edgedf_cpu */
  EDGEDF_CROP_BAD_PIXEL_STRIDE = 17, /* a pixel stride is negative, or not 0 and smaller than the bytes of a pixel */
  EDGEDF_CROP_ROW_STRIDE_TOO_LARGE = 18,  /* above EDGEDF_CROP_MAX_ROW_STRIDE */
  EDGEDF_CROP_PIXEL_STRIDE_TOO_LARGE = 19 /* above EDGEDF_CROP_MAX_PIXEL_STRIDE */
} edgedf_crop_status;

/* How a frame's bytes mean colours. Planes are listed in the order of edgedf_frame.planes. */
typedef enum edgedf_pixel_format {
  EDGEDF_RGBA8888 = 0,    /* one plane, R G B and an ignored byte */
  EDGEDF_BGRA8888 = 1,    /* one plane, B G R and an ignored byte */
  EDGEDF_RGB888 = 2,      /* one plane, R G B */
  EDGEDF_GRAY8 = 3,       /* one plane, R = G = B = that byte */
  EDGEDF_NV21 = 4,        /* Y; V U interleaved at half width and height */
  EDGEDF_NV12 = 5,        /* Y; U V interleaved at half width and height */
  EDGEDF_I420 = 6,        /* Y; U; V, the last two at half width and height */
  EDGEDF_YUV_420_888 = 7  /* Y; U; V as android.media.Image gives them: like I420 with any pixel strides */
} edgedf_pixel_format;

/* Colour matrix of the YUV formats; full range (0..255) always, as camera frames and JPEG have. Video range (16..235)
 * is not supported: such a frame would come out pale. Ignored by the other formats, but must be valid. */
typedef enum edgedf_color_matrix { EDGEDF_BT601 = 0, EDGEDF_BT709 = 1 } edgedf_color_matrix;

/* Layout of the crop that comes out. Floats are the bytes' values, 0..255. */
typedef enum edgedf_crop_output {
  EDGEDF_CROP_U8_NHWC = 0,  /* uint8, R G B per pixel */
  EDGEDF_CROP_F32_NHWC = 1, /* float32, R G B per pixel */
  EDGEDF_CROP_F32_NCHW = 2  /* float32, a red plane, a green one, a blue one */
} edgedf_crop_output;

/* One plane. Owned by the caller, read only during the call, any alignment; planes may lie in one another's gaps. */
typedef struct edgedf_plane {
  const uint8_t *data;  /* first byte of the first stored row */
  size_t bytes;         /* how many bytes from `data` on may be read */
  int64_t row_stride;   /* bytes from one row to the next, at least one row's bytes, at most 2^40;
                         * of a plane of one row, any from 0 on.
                         * Negative ones are refused: a bottom-up picture is one from its lowest address on,
                         * rotation 180, mirrored 1. */
  int64_t pixel_stride; /* bytes from one pixel (chroma sample or pair) to the next, at most 2^23;
                         * 0: the packed one */
} edgedf_plane;

/* One stored frame. `width`, `height`: as stored, before rotation; chroma planes have (w + 1) / 2 by
 * (h + 1) / 2 samples. `rotation`: degrees clockwise (0, 90, 180, 270) that make the stored frame upright.
 * `mirrored`: 1 if the upright image is then flipped left to right, as a front camera's preview is. */
typedef struct edgedf_frame {
  int32_t width, height; /* pixels, 1..EDGEDF_CROP_MAX_IMAGE */
  int32_t format;        /* an edgedf_pixel_format */
  int32_t matrix;        /* an edgedf_color_matrix */
  int32_t rotation;      /* 0, 90, 180, 270 */
  int32_t mirrored;      /* 0, 1 */
  edgedf_plane planes[3]; /* those that the format does not have are ignored */
} edgedf_frame;

/* A face box in pixels of the upright image (after rotation and mirroring); may leave the image. */
typedef struct edgedf_box {
  double x, y;          /* left, top, -1e6..1e6 */
  double width, height; /* above 0, up to 1e6 */
} edgedf_box;

/* The crop square in whole pixels of the upright image; may leave the image. */
typedef struct edgedf_square {
  int32_t left, top, side; /* side 1..EDGEDF_CROP_MAX_SIDE */
} edgedf_square;

/* What is wanted of a frame. */
typedef struct edgedf_crop_request {
  edgedf_box box;
  double box_scale;      /* side of the square over the longer side of the box, above 0, up to 16 */
  int32_t size;          /* side of the crop, pixels, 1..EDGEDF_CROP_MAX_SIZE */
  int32_t output;        /* an edgedf_crop_output */
  uint32_t without;      /* instruction sets not to use, edgedf_cpu bits; 0 unless you test. Same bytes always. */
  uint32_t reserved;     /* 0 */
} edgedf_crop_request;

/* Instruction sets that have their own loops. */
typedef enum edgedf_cpu { EDGEDF_CPU_SSE41 = 1, EDGEDF_CPU_AVX2 = 2, EDGEDF_CPU_NEON = 4 } edgedf_cpu;

/* A short English text for a status (any number), never NULL, never freed. */
EDGEDF_API const char *edgedf_crop_status_text(int32_t status);

/* edgedf_cpu bits that this processor and this build have. */
EDGEDF_API uint32_t edgedf_crop_cpu(void);

/* The square of a box:
 *   side = max(1, floor(box_scale * max(width, height) + 0.5))
 *   left = floor(x + width / 2 - side / 2 + 0.5), top likewise, in IEEE doubles from left to right.
 * Errors: NULL, BAD_BOX, BAD_SCALE, BOX_TOO_LARGE. */
EDGEDF_API edgedf_crop_status edgedf_crop_square(const edgedf_box *box, double box_scale, edgedf_square *square);

/* Bytes of an output of `size` x `size` pixels in layout `output`. Errors: NULL, BAD_SIZE, BAD_OUTPUT. */
EDGEDF_API edgedf_crop_status edgedf_crop_output_bytes(int32_t size, int32_t output, size_t *bytes);

/* Bytes of workspace for squares of `side` pixels or less (1..EDGEDF_CROP_MAX_SIDE) resized to `size`.
 * A square of 1000 pixels to 256 needs 187 kB. Errors: NULL, BOX_TOO_LARGE, BAD_SIZE. */
EDGEDF_API edgedf_crop_status edgedf_crop_workspace(int32_t side, int32_t size, size_t *bytes);

/* Make the crop. `workspace`: any content, any alignment; one call at a time in one workspace.
 * `output`: floats need 4-byte alignment; must not overlap the frame or the workspace.
 * On an error nothing was written to `output`. */
EDGEDF_API edgedf_crop_status edgedf_crop(const edgedf_frame *frame, const edgedf_crop_request *request,
                                          void *workspace, size_t workspace_bytes, void *output,
                                          size_t output_bytes);

#ifdef __cplusplus
}
#endif
#endif
