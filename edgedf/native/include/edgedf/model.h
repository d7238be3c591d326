/* The sparse engine: one .edgedfm file in, one logit per crop out.
 *
 * No call allocates memory, keeps a pointer to the file after open, reads a clock, or touches global state.
 * One opened model may run in many threads at once, each with its own workspace.
 * The file format is described byte by byte in docs/formats.md.
 */
#ifndef EDGEDF_MODEL_H
#define EDGEDF_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "edgedf/api.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers are part of the interface and never change meaning. */
typedef enum edgedf_model_status {
  EDGEDF_MODEL_OK = 0,
  EDGEDF_MODEL_BAD_ARGUMENT = 1, /* a null pointer, or a count out of range */
  EDGEDF_MODEL_NOT_A_MODEL = 2,  /* the first bytes are not those of a model file */
  EDGEDF_MODEL_BAD_VERSION = 3,  /* a format version this engine does not read */
  EDGEDF_MODEL_BAD_SIZE = 4,     /* truncated, or section sizes that do not add up */
  EDGEDF_MODEL_BAD_CHECKSUM = 5, /* the bytes are not those that were written */
  EDGEDF_MODEL_BAD_GRAPH = 6,    /* a node, shape, count or number that makes no sense */
  EDGEDF_MODEL_BAD_WEIGHTS = 7,  /* the weights do not decode to what the graph declares */
  EDGEDF_MODEL_TOO_LARGE = 8,    /* beyond the limits below */
  EDGEDF_MODEL_NO_MEMORY = 9,    /* the given memory is smaller than edgedf_model_measure said */
  EDGEDF_MODEL_NOT_FINITE = 10   /* weights so large that numbers leave float32's range, or may, unseen: no verdict */
} edgedf_model_status;

/* Limits of every model: they bound time and memory before anything is computed from a file. */
#define EDGEDF_MODEL_MAX_NODES 256u
#define EDGEDF_MODEL_MAX_SIDE 4096u
#define EDGEDF_MODEL_MAX_CHANNELS 65536u
#define EDGEDF_MODEL_MAX_WEIGHTS (1u << 26)
#define EDGEDF_MODEL_MAX_FLOATS (1u << 28) /* of one node's output; of all activations at once; of one thread's scratch */
#define EDGEDF_MODEL_MAX_THREADS 64u
/* Work of one run: multiply-adds and comparisons of vector loops count 1, scalar ones 8, a sigmoid 64;
 * convolutions as the kernels that do the most count them, whichever run here. */
#define EDGEDF_MODEL_MAX_WORK (1ull << 38)

/* The contract a model file carries: what goes in and how the logit is read. */
typedef struct edgedf_model_contract {
  uint32_t size;      /* side of the square RGB crop, pixels, 16..1024 */
  double box_scale;   /* side of the crop square over the longer side of the face box, 1..4 */
  double threshold;   /* score at or above which a face is called fake, inside (0, 1) */
  double temperature; /* score = sigmoid(logit / temperature), > 0 */
  double logit_threshold; /* logit at or above which a face is called fake: where the score is `threshold` */
} edgedf_model_contract;

/* What a file needs, known before it is opened. All sizes in bytes. */
typedef struct edgedf_model_needs {
  size_t model_bytes;       /* memory for edgedf_model_open */
  size_t workspace_bytes;   /* workspace for one thread */
  size_t bytes_per_thread;  /* added for every further thread of one run */
  size_t activation_bytes;  /* part of workspace_bytes that holds activations */
  size_t largest_pair_bytes; /* largest input + output of a convolution, linear layer or max pool of the graph, as if
                              * nothing were fused, without padding: what engines without fusion hold at once */
  uint64_t weights;         /* weights of the graph, zeros included */
  uint64_t nonzero;         /* weights that are not zero */
  uint64_t multiplies;      /* multiply-adds of one run by the kernels chosen here */
  uint64_t dense_multiplies; /* multiply-adds if no weight were zero */
  uint64_t work;            /* all a run does, pools too, at most EDGEDF_MODEL_MAX_WORK */
  uint32_t steps;           /* fused steps */
  edgedf_model_contract contract;
} edgedf_model_needs;

/* Runs task(argument, index) for every index in 0..count-1, in any order and on any thread, and returns
 * when all are done. `count` is never more than the `threads` given to edgedf_model_run. */
typedef struct edgedf_executor {
  void (*parallel)(void *context, void (*task)(void *argument, uint32_t index), void *argument, uint32_t count);
  void *context;
} edgedf_executor;

/* One fused step, for a person. Texts live as long as the model. */
typedef struct edgedf_model_step {
  char layer[64];       /* name of the convolution or linear layer it starts with; empty for crop, copy, quantise */
  char fused[96];       /* operators done in the same pass, such as "conv+relu+affine+max pool" */
  const char *kernel;   /* "sparse", "dense", "linear sparse", "linear dense", "crop", "copy", "quantise", or "int8 "
                         * and the instruction set: "vnni", "avx2", "dot", "neon" or "portable" */
  const char *reason;   /* why this kernel */
  uint32_t in_chw[3], out_chw[3];
  uint64_t weights, nonzero, multiplies; /* multiplies: those the kernel really does */
  size_t table_bytes;   /* weights and offsets as the kernel reads them */
  size_t read_bytes, write_bytes; /* activations in and out */
} edgedf_model_step;

typedef struct edgedf_model edgedf_model;

/* A short English text for a status, never NULL. */
EDGEDF_API const char *edgedf_model_status_text(edgedf_model_status status);

/* Instruction sets, best first: "avx512", "avx2", "neon", "portable".
 * `variant` NULL means the best one of this processor; a name asks for that one. Returns NULL if this
 * build or processor has not got it, else the name that would run. "portable" gives the same bits on
 * every processor; the others are faster and differ from it by rounding only.
 * Of an int8 file the layers for which it pays are computed in 8-bit integers, with the instructions for that that
 * the processor has (AVX-512 VNNI, DotProd); these layers have the same bits everywhere. A name followed by
 * "+float32", such as "avx2+float32", computes everything in float32. */
EDGEDF_API const char *edgedf_model_variant(const char *variant);

/* Check the whole file except its coded weights, and say what opening and running it needs.
 * `file` need not be aligned. `variant` as above. Takes up to 120 kB of stack, which is most of what musl gives a
 * thread (128 kB): call it where there is more. The other calls take up to 8 kB. */
EDGEDF_API edgedf_model_status edgedf_model_measure(const uint8_t *file, size_t file_bytes, const char *variant,
                                                    edgedf_model_needs *needs);

/* Decode the file into `memory` (caller's, at least needs.model_bytes, any alignment), which must live as
 * long as the model and must not move. The file may be freed afterwards. There is nothing to close.
 * *model is NULL unless the answer is EDGEDF_MODEL_OK. */
EDGEDF_API edgedf_model_status edgedf_model_open(const uint8_t *file, size_t file_bytes, const char *variant,
                                                 void *memory, size_t memory_bytes, edgedf_model **model);

/* Bytes of workspace that a run on `threads` threads needs: workspace_bytes + (threads - 1) * bytes_per_thread.
 * 0 if threads is not 1..64, or if a size_t cannot hold them, as may be on 32 bits. */
EDGEDF_API size_t edgedf_model_workspace(const edgedf_model_needs *needs, uint32_t threads);

/* One crop, `size` x `size` RGB bytes, rows `row_bytes` apart (0: size * 3) -> one logit.
 * `workspace`: at least edgedf_model_workspace(needs, threads), any content, any alignment; one run at a time in one
 * workspace. threads 1..64; `executor` may be NULL when threads is 1.
 * The logit does not depend on the number of threads. Only with EDGEDF_MODEL_OK is *logit a result, and then
 * it is finite. */
EDGEDF_API edgedf_model_status edgedf_model_run(const edgedf_model *model, const uint8_t *crop, size_t row_bytes,
                                                void *workspace, size_t workspace_bytes, uint32_t threads,
                                                const edgedf_executor *executor, float *logit);

/* What the model needs and is, and one of its steps (index < needs.steps). */
EDGEDF_API edgedf_model_status edgedf_model_get(const edgedf_model *model, edgedf_model_needs *needs);
EDGEDF_API edgedf_model_status edgedf_model_get_step(const edgedf_model *model, uint32_t index,
                                                     edgedf_model_step *step);

/* sigmoid(logit / temperature), without libm, the same bits on every processor, for a person to read.
 * NaN if contract is NULL or its temperature is not above 0. */
EDGEDF_API double edgedf_model_score(const edgedf_model_contract *contract, float logit);

/* The verdict, 1 = fake: logit >= logit_threshold, the comparison that every edgedf runtime makes. Do not compare
 * scores instead: they round. 1 also for NULL and for a logit that is not a number. */
EDGEDF_API int edgedf_model_is_fake(const edgedf_model_contract *contract, float logit);

/* Writing weights (used by the converter). A coder lives in caller's memory of edgedf_model_coder_bytes();
 * begin, any number of tensors in file order, end. `high` holds one byte per weight: the top byte of its
 * stored form where `present` is 1, ignored where it is 0. Bytes written in total are put in *written;
 * BAD_SIZE if `capacity` did not suffice. */
EDGEDF_API size_t edgedf_model_coder_bytes(void);
EDGEDF_API edgedf_model_status edgedf_model_coder_begin(void *coder, uint8_t *output, size_t capacity);
EDGEDF_API edgedf_model_status edgedf_model_coder_tensor(void *coder, const uint8_t *present, const uint8_t *high,
                                                         size_t count);
EDGEDF_API edgedf_model_status edgedf_model_coder_end(void *coder, size_t *written);

#ifdef __cplusplus
}
#endif
#endif
