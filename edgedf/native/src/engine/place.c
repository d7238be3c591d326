/* Memory: each activation gets the lowest address where it overlaps nothing that is alive with it. */
#include "plan.h"

#define ALIGN 16u /* floats: one cache line */

static void live(edgedf_plan *plan, uint16_t tensor, uint32_t step) {
  edgedf_tensor *t = &plan->tensor[tensor];
  if (t->alias != EDF_NONE) t = &plan->tensor[t->alias];
  if (step < t->first) t->first = (uint16_t)step;
  if (step > t->last) t->last = (uint16_t)step;
}

static void find_lifetimes(edgedf_plan *plan) {
  for (uint32_t i = 0; i < plan->tensors; i++) {
    plan->tensor[i].first = EDF_NONE;
    plan->tensor[i].last = 0;
  }
  for (uint32_t i = 0; i < plan->steps; i++) {
    const edgedf_step *step = &plan->step[i];
    if (step->kind != EDF_STEP_CROP) live(plan, step->input, i);
    if (step->other != EDF_NONE) live(plan, step->other, i);
    live(plan, step->output, i);
  }
  /* The result outlives the last step that touches it. */
  plan->tensor[plan->step[plan->steps - 1].output].last = (uint16_t)plan->steps;
}

static int in_conflict(const edgedf_tensor *a, const edgedf_tensor *b) {
  int together = a->first <= b->last && b->first <= a->last;
  return together && a->at < b->at + b->floats && b->at < a->at + a->floats;
}

/* Move `t` up until no placed tensor is in its way. */
static void settle(edgedf_plan *plan, const uint8_t *placed, edgedf_tensor *t) {
  t->at = 0;
  for (int moved = 1; moved;) {
    moved = 0;
    for (uint32_t i = 0; i < plan->tensors; i++) {
      const edgedf_tensor *other = &plan->tensor[i];
      if (!placed[i] || !in_conflict(t, other)) continue;
      t->at = (other->at + other->floats + ALIGN - 1) / ALIGN * ALIGN;
      moved = 1;
    }
  }
}

edgedf_model_status edgedf_place(edgedf_plan *plan) {
  uint8_t placed[EDF_MAX_TENSORS] = {0};
  find_lifetimes(plan);
  for (uint32_t round = 0; round < plan->tensors; round++) {
    /* Largest first: small ones then fill the holes. */
    uint32_t best = EDF_NONE;
    for (uint32_t i = 0; i < plan->tensors; i++)
      if (!placed[i] && plan->tensor[i].alias == EDF_NONE && !plan->tensor[i].windowed &&
          (best == EDF_NONE || plan->tensor[i].floats > plan->tensor[best].floats))
        best = i;
    if (best == EDF_NONE) break;
    edgedf_tensor *t = &plan->tensor[best];
    settle(plan, placed, t);
    placed[best] = 1;
    if (t->at + t->floats > plan->arena_floats) plan->arena_floats = t->at + t->floats;
    if (plan->arena_floats > EDGEDF_MODEL_MAX_FLOATS) return EDGEDF_MODEL_TOO_LARGE;
  }
  for (uint32_t i = 0; i < plan->tensors; i++)
    if (plan->tensor[i].alias != EDF_NONE) plan->tensor[i].at = plan->tensor[plan->tensor[i].alias].at;
  return EDGEDF_MODEL_OK;
}
