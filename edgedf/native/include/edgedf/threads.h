/* A small pool of POSIX threads that can serve as edgedf_model_run's executor.
 * Optional: an app with its own thread pool passes that instead. Unlike the engine, a pool allocates, when it
 * is started. Where there are no POSIX threads, starting one returns NULL. */
#ifndef EDGEDF_THREADS_H
#define EDGEDF_THREADS_H

#include "edgedf/model.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct edgedf_pool edgedf_pool;

/* A pool for runs with `threads` threads, the caller's included (2..64), or NULL if it cannot be had. */
EDGEDF_API edgedf_pool *edgedf_pool_start(uint32_t threads);

/* The executor to pass to edgedf_model_run; it lives as long as the pool. One run at a time. */
EDGEDF_API const edgedf_executor *edgedf_pool_executor(edgedf_pool *pool);

/* End the threads and free the pool; NULL is allowed. */
EDGEDF_API void edgedf_pool_stop(edgedf_pool *pool);

#ifdef __cplusplus
}
#endif
#endif
