/* Does the frame hold what it promises? All products are of numbers up to 2^16 and 2^40, so 64 bits suffice. */
#include "frame.h"

int edgedf_crop_is_yuv(int32_t format) { return format >= EDGEDF_NV21 && format <= EDGEDF_YUV_420_888; }

/* Bytes that one pixel of a plane has: the packed pixel stride. */
static int64_t sample_bytes(int32_t format, int plane) {
  if (plane == 0) return format <= EDGEDF_BGRA8888 ? 4 : format == EDGEDF_RGB888 ? 3 : 1;
  return format == EDGEDF_NV21 || format == EDGEDF_NV12 ? 2 : 1;
}

static int plane_count(int32_t format) {
  if (!edgedf_crop_is_yuv(format)) return 1;
  return format == EDGEDF_NV21 || format == EDGEDF_NV12 ? 2 : 3;
}

static int64_t step_of(const edgedf_plane *plane, int64_t sample) {
  return plane->pixel_stride == 0 ? sample : plane->pixel_stride;
}

static edgedf_crop_status check_plane(const edgedf_plane *plane, int64_t columns, int64_t rows, int64_t sample) {
  if (plane->data == NULL) return EDGEDF_CROP_NULL;
  const int64_t step = step_of(plane, sample);
  if (step < sample) return EDGEDF_CROP_BAD_PIXEL_STRIDE;
  if (step > EDGEDF_CROP_MAX_PIXEL_STRIDE) return EDGEDF_CROP_PIXEL_STRIDE_TOO_LARGE;
  const int64_t row_bytes = (columns - 1) * step + sample;
  if (plane->row_stride > EDGEDF_CROP_MAX_ROW_STRIDE) return EDGEDF_CROP_ROW_STRIDE_TOO_LARGE;
  /* The last row may end early, and a single row needs no stride. */
  if (plane->row_stride < (rows > 1 ? row_bytes : 0)) return EDGEDF_CROP_BAD_ROW_STRIDE;
  const int64_t needed = (rows - 1) * plane->row_stride + row_bytes;
  return (uint64_t)needed <= (uint64_t)plane->bytes ? EDGEDF_CROP_OK : EDGEDF_CROP_PLANE_TOO_SMALL;
}

static void set_chroma(const edgedf_frame *frame, edf_view *view) {
  const edgedf_plane *first = &frame->planes[1];
  const int interleaved = plane_count(frame->format) == 2;
  const edgedf_plane *second = interleaved ? first : &frame->planes[2];
  view->u = first->data;
  view->v = second->data;
  if (frame->format == EDGEDF_NV21) view->u = first->data + 1;
  if (frame->format == EDGEDF_NV12) view->v = first->data + 1;
  view->u_row = (size_t)first->row_stride;
  view->v_row = (size_t)second->row_stride;
  view->u_step = (size_t)step_of(first, sample_bytes(frame->format, 1));
  view->v_step = (size_t)step_of(second, sample_bytes(frame->format, 1));
}

edgedf_crop_status edgedf_crop_frame_check(const edgedf_frame *frame, edf_view *view) {
  const int32_t format = frame->format;
  if (format < EDGEDF_RGBA8888 || format > EDGEDF_YUV_420_888) return EDGEDF_CROP_BAD_FORMAT;
  if (frame->width < 1 || frame->height < 1 || frame->width > EDGEDF_CROP_MAX_IMAGE ||
      frame->height > EDGEDF_CROP_MAX_IMAGE)
    return EDGEDF_CROP_BAD_DIMENSIONS;
  const int32_t turn = frame->rotation;
  if ((turn != 0 && turn != 90 && turn != 180 && turn != 270) || frame->mirrored < 0 || frame->mirrored > 1)
    return EDGEDF_CROP_BAD_ROTATION;
  if (frame->matrix != EDGEDF_BT601 && frame->matrix != EDGEDF_BT709) return EDGEDF_CROP_BAD_MATRIX;
  for (int i = 0; i < plane_count(format); i++) {
    const int64_t columns = i == 0 ? frame->width : (frame->width + 1) / 2;
    const int64_t rows = i == 0 ? frame->height : (frame->height + 1) / 2;
    const edgedf_crop_status status = check_plane(&frame->planes[i], columns, rows, sample_bytes(format, i));
    if (status != EDGEDF_CROP_OK) return status;
  }
  view->pixels = frame->planes[0].data;
  view->row = (size_t)frame->planes[0].row_stride;
  view->step = (size_t)step_of(&frame->planes[0], sample_bytes(format, 0));
  view->format = format;
  view->matrix = frame->matrix;
  view->u = view->v = NULL;
  view->u_row = view->v_row = view->u_step = view->v_step = 0;
  if (edgedf_crop_is_yuv(format)) set_chroma(frame, view);
  return EDGEDF_CROP_OK;
}
