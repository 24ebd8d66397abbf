/* log.h: the library's only voice. One callback for each thread that calls it (a named exception to
 * "no mutable globals"): a run logs in the thread of its caller only. */
#ifndef PCL_LOG_H
#define PCL_LOG_H

enum pcl_log_level { PCL_LOG_DEBUG, PCL_LOG_INFO, PCL_LOG_WARNING };

/* Sends one line (no newline at its end) to the sink of this thread; without one it is dropped. */
void pcl_log(enum pcl_log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

typedef void pcl_log_sink(enum pcl_log_level level, const char *text, void *user);
void pcl_log_set_sink(pcl_log_sink *sink, void *user);

#endif
