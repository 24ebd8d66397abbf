/* filesize.h: a file that reaches the limit of its size (ulimit -f) is an error like a full disk.
 * The signal that comes with it would end a host program, so it is held back in this thread for the
 * length of a call; other threads, and what the host does with the signal, stay as they are. */
#ifndef PCL_FILESIZE_H
#define PCL_FILESIZE_H
#include <pthread.h>
#include <signal.h>
#include <time.h>

static inline sigset_t pcl_filesize_set(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGXFSZ);
    return set;
}

/* *old: for the other one. */
static inline void pcl_filesize_hold(sigset_t *old) {
    const sigset_t set = pcl_filesize_set();
    pthread_sigmask(SIG_BLOCK, &set, old);
}

static inline void pcl_filesize_release(const sigset_t *old) {
    const sigset_t set = pcl_filesize_set();
    const struct timespec now = {0};
    while (!sigismember(old, SIGXFSZ) && sigtimedwait(&set, NULL, &now) > 0)
        ;
    pthread_sigmask(SIG_SETMASK, old, NULL);
}

#endif
