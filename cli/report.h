/* report.h: what a run has done, for people, on standard output. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H
#include "pclean.h"
#include <stdio.h>

/* A table of the planes (all of up to 64; of more the first, the last, the brightest and those that
 * went wrong), how they stopped, the channels that went wrong by name, then products, time, memory,
 * data, and the warnings once more. */
void cli_report_print(FILE *out, const pclean_config *config, const pclean_result *result);

#endif
