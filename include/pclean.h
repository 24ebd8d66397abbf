/* pclean.h: libpclean, CLEAN imaging of radio interferometer data. Include this one; read the
 * others in this order. */
#ifndef PCLEAN_H
#define PCLEAN_H

#define PCLEAN_VERSION "0.1.0"

#include "pclean/adios2.h"    /* MeasurementSets in ADIOS2 files */
#include "pclean/concat.h"    /* join images */
#include "pclean/config.h"    /* what the user asks for */
#include "pclean/error.h"     /* how functions fail */
#include "pclean/memory.h"    /* how much memory imaging needs */
#include "pclean/partition.h" /* cut one into parts */
#include "pclean/plan.h"      /* what that would take */
#include "pclean/plot.h"      /* look at one */
#include "pclean/run.h"       /* make an image */
#include "pclean/stream.h"    /* watch that, as JSON lines */

#endif
