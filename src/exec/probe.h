/* probe.h: a child process that does the same work one step ahead. Some damaged tables end the
 * process inside casacore, ask for any memory, or keep it busy for ever: that befalls the child,
 * and becomes an error here. Parent and child visit the same things in the same order. */
#ifndef PCL_PROBE_H
#define PCL_PROBE_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

typedef struct pcl_probe {
    pid_t pid;     /* of the child; 0: there is none (any more); -1: this is it */
    int line;      /* the end of a pipe: a byte for each visit that the child begins; closed
                    * when it ends */
    size_t begun;  /* visits of the child */
    size_t visits; /* of this process */
    struct pcl_probe_report *report; /* shared */
} pcl_probe;

/* Starts the child, which calls work(probe, user, err) and ends. No table may be open. The child
 * has 1 GiB of memory more than this process has now. A probe {0} that is not started does nothing.
 * To pcl_probe_stop in any case. */
int pcl_probe_start(pcl_probe *p, int (*work)(pcl_probe *p, void *user, pclean_err *err),
                    void *user, pclean_err *err) PCL_CHECK;

/* Both call this before they open `path`. In the parent it waits until the child has done with it:
 * an error is what the child noted, or how it ended, or that it took 300 s. */
int pcl_probe_visit(pcl_probe *p, const char *path, pclean_err *err) PCL_CHECK;
bool pcl_probe_is_child(const pcl_probe *p);

/* The child notes an error where it meets it; the first one counts. */
void pcl_probe_note(pcl_probe *p, const pclean_err *err);

void pcl_probe_stop(pcl_probe *p);

#endif
