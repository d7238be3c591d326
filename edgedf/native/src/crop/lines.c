#include "lines.h"

#include <string.h>

/* Turned by 180 and mirrored is upside down. */
int edgedf_crop_lines_fit(const edf_source *source) {
  return source->rotation == (source->mirrored ? 180 : 0);
}

/* Margin and lines need 16 + 24 * (side + 64) + 64 bytes; edgedf_crop_block_bytes gives 96 * (side + 17). */
size_t edgedf_crop_line_plane(int32_t side) { return (size_t)side + EDF_LINE_SLACK; }

static void repeat_edges(const edf_across *across, uint8_t *line) {
  const int32_t end = across->lead + across->count;
  memset(line, line[across->lead], (size_t)across->lead);
  memset(line + end, line[end - 1], (size_t)(across->side - end));
}

void edgedf_crop_lines_read(const edf_source *source, const edf_across *across, int32_t top, int32_t rows,
                            uint8_t *to) {
  const int upside_down = source->rotation == 180;
  const size_t plane = edgedf_crop_line_plane(across->side);
  /* A chroma pair's first pixel goes before the line: into the margin, or the slack of the colour before. */
  const int32_t skip = edgedf_crop_is_yuv(source->view.format) ? across->first % 2 : 0;
  const edf_area area = {&source->view, across->first - skip, upside_down ? source->height - 1 - top : top,
                         upside_down ? -1 : 1, rows, (size_t)(across->count + skip), to + across->lead - skip,
                         3 * plane, plane};
  edgedf_crop_read_area(source, &area);
  if (across->count == across->side) return;
  for (int32_t i = 0; i < 3 * rows; i++) repeat_edges(across, to + (size_t)i * plane);
}
