/* program.h: `pclean-casa` as a process: found, started with a line to it, ended. */
#ifndef PCL_PROGRAM_H
#define PCL_PROGRAM_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

typedef struct pcl_program {
    pid_t pid;              /* 0: there is none */
    int fd;                 /* our end of the line */
    int words;              /* a file in memory of what it writes to its standard error */
    uintmax_t calls, bytes; /* of its reading, when it got something last that was seen, ... */
    double seen;            /* ... and when that was, pcl_now */
} pcl_program;

typedef struct pcl_program_end {
    char how[64]; /* "was killed by SIGSEGV" */
    double cpu_seconds;
    char words[240]; /* the last line that it wrote: what the exception says that ended it */
} pcl_program_end;

/* Its version must be this one. */
const char *pcl_program_version(void);

/* Beside the library (or the program that holds it), as built; in ../libexec/pclean, as installed;
 * what the environment's PCLEAN_CASA names. -PCLEAN_EIO says where it was looked for. */
int pcl_program_find(char *path, size_t size, pclean_err *err) PCL_CHECK;

/* Starts it: the line is its descriptor 3, its standard input and output are /dev/null, signals are
 * as a program finds them. */
int pcl_program_start(const char *path, pcl_program *p, pclean_err *err) PCL_CHECK;

/* Whether it has been reading for a second, often, without getting anything: ADIOS2 does so beyond
 * the end of a file, in the hope that it grows. false where /proc does not say. */
bool pcl_program_reads_nothing(pcl_program *p);

/* Ends the line, upon which it leaves; kill_it, or after ten seconds: kills it. *end NULL: not
 * wanted. */
void pcl_program_stop(pcl_program *p, bool kill_it, pcl_program_end *end);

#endif
