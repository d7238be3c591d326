#include "edgedf/version.h"

const char *edgedf_version(void) { return EDGEDF_VERSION; }
