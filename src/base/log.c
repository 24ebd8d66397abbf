#include "base/log.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The lock is held during the sink's call: lines do not mix, and after pcl_log_set_sink returns the
 * old sink is no longer in use, so its `user` may go. A sink must therefore not log itself. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pcl_log_sink *current_sink;
static void *current_user;

void pcl_log_set_sink(pcl_log_sink *sink, void *user) {
    pthread_mutex_lock(&lock);
    current_sink = sink;
    current_user = user;
    pthread_mutex_unlock(&lock);
}

void pcl_log(enum pcl_log_level level, const char *fmt, ...) {
    char text[2048];
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (n >= (int)sizeof text)
        memcpy(text + sizeof text - 4, "...", 4);
    pthread_mutex_lock(&lock);
    if (current_sink)
        current_sink(level, text, current_user);
    pthread_mutex_unlock(&lock);
}
