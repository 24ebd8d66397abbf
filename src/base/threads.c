#include "base/threads.h"
#include "base/mem.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

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

/* Of the process, as /proc tells; 0: it does not. */
static int count_threads(void) {
    char line[128];
    int n = 0;
    FILE *f = fopen("/proc/self/status", "re");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "Threads: %d", &n) == 1)
            break;
    if (f)
        fclose(f);
    return n;
}

/* A thread that has just been joined may be seen for a moment. */
bool pcl_threads_none_beside(void) {
    const struct timespec moment = {.tv_nsec = 1000000};
    int n = count_threads();
    for (int i = 0; n > 1 && i < 10; i++) {
        nanosleep(&moment, NULL);
        n = count_threads();
    }
    return n == 1;
}

double pcl_threads_cpu_seconds(void) {
    struct timespec t;
    return clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) == 0
               ? (double)t.tv_sec + 1e-9 * (double)t.tv_nsec
               : 0;
}
