/* A pool of threads for edgedf_model_run: workers spin for a moment between steps, then sleep. */
#define _POSIX_C_SOURCE 200809L
#include "edgedf/threads.h"

#if defined(__GNUC__) && (defined(__unix__) || defined(__APPLE__))
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

/* About 0.1 ms. Threads end a step up to that far apart, and sleeping and waking costs tens of microseconds. */
#define SPINS 100000

struct edgedf_pool {
  edgedf_executor executor;
  pthread_t thread[EDGEDF_MODEL_MAX_THREADS];
  pthread_mutex_t lock;
  pthread_cond_t wake;
  uint32_t started;
  void (*task)(void *argument, uint32_t index);
  void *argument;
  uint32_t count;
  uint32_t round;   /* changes when there is work */
  uint32_t waiting; /* workers not done with this round */
  int stop;
};

/* A worker and its index; 0 is the caller. */
typedef struct seat {
  edgedf_pool *pool;
  uint32_t index;
} seat;

static void await_round(edgedf_pool *pool, uint32_t seen) {
  for (int i = 0; i < SPINS; i++)
    if (__atomic_load_n(&pool->round, __ATOMIC_ACQUIRE) != seen) return;
  pthread_mutex_lock(&pool->lock);
  while (__atomic_load_n(&pool->round, __ATOMIC_ACQUIRE) == seen) pthread_cond_wait(&pool->wake, &pool->lock);
  pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument) {
  seat mine = *(seat *)argument;
  edgedf_pool *pool = mine.pool;
  free(argument);
  for (uint32_t seen = 0;;) {
    await_round(pool, seen);
    seen++;
    if (pool->stop) return NULL;
    if (mine.index < pool->count) pool->task(pool->argument, mine.index);
    __atomic_sub_fetch(&pool->waiting, 1, __ATOMIC_ACQ_REL);
  }
}

/* Publish a round of work and wake whoever sleeps. */
static void begin_round(edgedf_pool *pool) {
  __atomic_store_n(&pool->waiting, pool->started, __ATOMIC_RELEASE);
  pthread_mutex_lock(&pool->lock);
  __atomic_add_fetch(&pool->round, 1, __ATOMIC_ACQ_REL);
  pthread_cond_broadcast(&pool->wake);
  pthread_mutex_unlock(&pool->lock);
}

static void parallel(void *context, void (*task)(void *argument, uint32_t index), void *argument, uint32_t count) {
  edgedf_pool *pool = context;
  pool->task = task;
  pool->argument = argument;
  pool->count = count;
  begin_round(pool);
  task(argument, 0);
  /* Work of workers that could not be started, or that the pool is too small for. */
  for (uint32_t index = pool->started + 1; index < count; index++) task(argument, index);
  for (int i = 0; __atomic_load_n(&pool->waiting, __ATOMIC_ACQUIRE) != 0;)
    if (i < SPINS)
      i++; /* no further: a long step would overflow the count */
    else
      sched_yield();
}

static int start_worker(edgedf_pool *pool) {
  seat *one = malloc(sizeof *one);
  if (one == NULL) return 0;
  *one = (seat){pool, pool->started + 1};
  if (pthread_create(&pool->thread[pool->started], NULL, work, one) != 0) {
    free(one);
    return 0;
  }
  pool->started++;
  return 1;
}

edgedf_pool *edgedf_pool_start(uint32_t threads) {
  if (threads < 2 || threads > EDGEDF_MODEL_MAX_THREADS) return NULL;
  edgedf_pool *pool = calloc(1, sizeof *pool);
  if (pool == NULL) return NULL;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->wake, NULL);
  pool->executor = (edgedf_executor){parallel, pool};
  while (pool->started < threads - 1 && start_worker(pool)) continue;
  return pool;
}

const edgedf_executor *edgedf_pool_executor(edgedf_pool *pool) { return pool ? &pool->executor : NULL; }

void edgedf_pool_stop(edgedf_pool *pool) {
  if (pool == NULL) return;
  pool->stop = 1;
  begin_round(pool);
  for (uint32_t i = 0; i < pool->started; i++) pthread_join(pool->thread[i], NULL);
  pthread_cond_destroy(&pool->wake);
  pthread_mutex_destroy(&pool->lock);
  free(pool);
}
#else
edgedf_pool *edgedf_pool_start(uint32_t threads) {
  (void)threads;
  return NULL;
}
const edgedf_executor *edgedf_pool_executor(edgedf_pool *pool) {
  (void)pool;
  return NULL;
}
void edgedf_pool_stop(edgedf_pool *pool) { (void)pool; }
#endif
