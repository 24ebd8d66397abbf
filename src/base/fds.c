#include "base/fds.h"
#include <stdatomic.h>
#include <unistd.h>

/* The descriptors plus one; 0: a free place. Without a lock, which a fork might find taken. */
static _Atomic int place[64];

static void replace(int from, int to) {
    for (int i = 0; i < 64; i++) {
        int expected = from;
        if (atomic_compare_exchange_strong(&place[i], &expected, to))
            return;
    }
}

void pcl_fds_close_in_children(int fd) {
    replace(0, fd + 1);
}

void pcl_fds_close_in_children_not(int fd) {
    replace(fd + 1, 0);
}

void pcl_fds_close(void) {
    for (int i = 0; i < 64; i++) {
        const int fd = atomic_exchange(&place[i], 0);
        if (fd > 0)
            close(fd - 1);
    }
}
