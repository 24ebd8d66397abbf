/* workers.h: how many processes and threads image the planes, and why. Pure. */
#ifndef PCL_WORKERS_H
#define PCL_WORKERS_H
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_workers_request {
    int nworkers, threads; /* as the user has them; 0: choose */
    size_t ncore;          /* that this process may use */
    size_t nplane;         /* what there is to hand out */
    size_t nmost;          /* processes that there may be; 0: any number */
    size_t nfit;           /* workers that memory has room for; SIZE_MAX: not known */
    bool channels;         /* what is handed out are channels: their planes are made together */
} pcl_workers_request;

typedef struct pcl_workers {
    size_t nworker, nthread; /* threads of each; both at least 1 */
    char why[160];           /* "2 workers x 1 thread: 2 cores, 46 planes" */
} pcl_workers;

/* As many workers as planes, cores and memory allow; a worker more than a thread more, because
 * planes are independent and threads wait for each other. What the user asks for is kept, but never
 * more workers than planes or than fit. */
void pcl_workers_choose(const pcl_workers_request *q, pcl_workers *out);

#endif
