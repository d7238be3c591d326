/* The version of the library: of these headers, and of the code that was linked. */
#ifndef EDGEDF_VERSION_H
#define EDGEDF_VERSION_H

#include "edgedf/api.h"

#ifdef __cplusplus
extern "C" {
#endif

#define EDGEDF_VERSION "0.1.0"

/* EDGEDF_VERSION of the code that runs. Never NULL, never freed. */
EDGEDF_API const char *edgedf_version(void);

#ifdef __cplusplus
}
#endif
#endif
