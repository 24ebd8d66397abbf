#include "base/threads.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* All live until the last has been started. */
static void *wait_for_end(void *gate) {
    pthread_mutex_lock(gate);
    pthread_mutex_unlock(gate);
    return NULL;
}

int pcl_threads_check(int total, pclean_err *err) {
    const int n = total > 1 ? total - 1 : 0;
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;
    pthread_t *thread = NULL;
    int started = 0, failed = 0;
    int rc = PCL_NEW(&thread, (size_t)n, "list of threads", err);
    if (rc)
        return rc;
    pthread_attr_t small; /* workers have their own address spaces, where the full stacks count */
    pthread_attr_init(&small);
    (void)pthread_attr_setstacksize(&small, 65536);
    pthread_mutex_lock(&gate);
    while (started < n &&
           (failed = pthread_create(&thread[started], &small, wait_for_end, &gate)) == 0)
        started++;
    pthread_mutex_unlock(&gate);
    for (int i = 0; i < started; i++)
        pthread_join(thread[i], NULL);
    pthread_attr_destroy(&small);
    pcl_free(thread);
    if (failed)
        rc = PCL_FAIL(err, PCLEAN_EIO,
                      "only %d of %d threads can be started: %s (ulimit -u?); ask for fewer "
                      "threads and workers",
                      started + 1, total, strerror(failed));
    return rc;
}
