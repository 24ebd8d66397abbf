#include "base/log.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* Of the thread: two runs in two threads do not hear each other. */
static _Thread_local struct {
    pcl_log_sink *sink;
    void *user;
} mine;

void pcl_log_set_sink(pcl_log_sink *sink, void *user) {
    mine.sink = sink;
    mine.user = user;
}

void pcl_log(enum pcl_log_level level, const char *fmt, ...) {
    char text[2048];
    if (!mine.sink)
        return;
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    mine.sink(level, text, mine.user);
}
