/* folder.h: the folder of a test program, and names in it. */
#ifndef TESTS_FOLDER_H
#define TESTS_FOLDER_H
#include "base/fsutil.h"
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[300];

/* in_memory: for tests that sync much, where there is such a place. 0 or -1. */
static inline int make_folder(const char *name, bool in_memory) {
    snprintf(folder, sizeof folder, "%s/%s.XXXXXX",
             in_memory && access("/dev/shm", W_OK) == 0 ? "/dev/shm" : PCLEAN_TEST_TMP, name);
    return mkdtemp(folder) ? 0 : -1;
}

/* The teardown of a group. */
static inline int remove_folder(void **state) {
    (void)state;
    return pcl_fs_remove_tree(folder, NULL);
}

/* The last eight answers stay valid. */
__attribute__((format(printf, 1, 2))) static inline const char *in_folder(const char *fmt, ...) {
    static char path[8][1000];
    static int turn;
    char *buf = path[turn++ % 8];
    const int n = snprintf(buf, sizeof path[0], "%s/", folder);
    va_list args;
    va_start(args, fmt);
    vsnprintf(buf + n, sizeof path[0] - (size_t)n, fmt, args);
    va_end(args);
    return buf;
}
#endif
