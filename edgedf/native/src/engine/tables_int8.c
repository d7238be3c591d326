/* Weights of int8 convolutions as their kernels read them. */
#include <string.h>

#include "model_internal.h"

edgedf_words edgedf_words_at(const edgedf_model *model, const edgedf_step *step) {
  edgedf_words to;
  memset(&to, 0, sizeof to);
  if (!step->int8) return to;
  const edgedf_node *node = &model->graph.nodes[step->node];
  to.words = edgedf_table(model, step->weights);
  to.totals = edgedf_table(model, step->totals);
  to.scales = edgedf_table(model, step->scales);
  to.block = model->plan.int8->block;
  to.per_four = model->plan.int8->words;
  to.area = node->kernel_h * node->kernel_w;
  to.groups = edgedf_word_planes(node->in_channels);
  return to;
}

void edgedf_put_word(const edgedf_words *to, uint32_t o, uint32_t k, int32_t units, float scale) {
  uint32_t channel = k / to->area, group = channel / 4, at = channel % 4, position = k % to->area;
  size_t row = (size_t)(o / to->block) * to->groups * to->area + group * to->area + position;
  uint32_t *four = to->words + (row * to->block + o % to->block) * to->per_four;
  if (to->per_four == 1)
    four[0] |= ((uint32_t)units & 0xffu) << 8 * at;
  else
    four[at % 2] |= ((uint32_t)units & 0xffffu) << 16 * (at / 2);
  to->totals[o] += units;
  to->scales[o] = scale;
}
