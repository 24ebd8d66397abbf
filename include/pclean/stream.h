/* stream.h: a run as a stream of JSON lines that another program reads while it goes on, and the
 * commands that it may send back. docs/json.md has the events and the commands.
 *
 *     pclean_stream *stream = NULL;
 *     pclean_stream_options options;
 *     pclean_stream_options_init(&options, sizeof options);
 *     options.command = "image";
 *     options.commands_fd = 0;                                  // {"command":"stop"} on stdin
 *     int rc = pclean_stream_new(1, &options, &stream, &err);   // lines on stdout
 *     rc = rc ? rc : pclean_image(config, pclean_stream_hooks(stream), &result, &err);
 *     char *json = NULL;
 *     if (pclean_result_json(result, &json, NULL) == 0)
 *         pclean_stream_result(stream, json);
 *     pclean_stream_end(stream, rc != 0, rc ? &err : NULL);
 *     pclean_stream_free(stream);
 *
 * One stream may be written by several threads; each line is one write, so that lines of several
 * processes do not mix. A reader that has gone away is no failure: the run goes on. (SIGPIPE should
 * be ignored.) */
#ifndef PCLEAN_STREAM_H
#define PCLEAN_STREAM_H
#include "pclean/error.h"
#include "pclean/run.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* In the first line of each stream. Keys and events are added without a new version: a reader
 * passes over what it does not know. */
#define PCLEAN_STREAM_VERSION 1

typedef struct pclean_stream pclean_stream;

typedef struct pclean_stream_options {
    size_t size;
    const char *command; /* what runs, "image"; NULL (default): not said */
    int commands_fd;     /* descriptor from which commands are read; -1 (default): none. It is read
                          * while stop_requested of the hooks is polled, without waiting */
    bool debug;          /* default false: debug messages are left out */
} pclean_stream_options;
PCLEAN_API void pclean_stream_options_init(pclean_stream_options *options, size_t size);

/* Begins a stream on the descriptor fd, which stays the caller's: writes its first line. options
 * NULL: defaults. *stream is NULL after a failure (-PCLEAN_EPARAM: options of no size;
 * -PCLEAN_ENOMEM), else to be freed, before the descriptor is closed. */
PCLEAN_API int pclean_stream_new(int fd, const pclean_stream_options *options,
                                 pclean_stream **stream, pclean_err *err);
PCLEAN_API void pclean_stream_free(pclean_stream *stream); /* NULL: nothing */

/* Hooks that write to the stream, to be given to pclean_image and others; borrowed, valid until the
 * stream is freed. NULL: NULL, which means no hooks. */
PCLEAN_API const pclean_hooks *pclean_stream_hooks(pclean_stream *stream);

/* The event "result": json is what a TYPE_json has written. NULL, or not JSON: nothing. */
PCLEAN_API void pclean_stream_result(pclean_stream *stream, const char *json);

/* The last line: the event "end", and before it "error" where err is given. status: the exit status
 * of the program. */
PCLEAN_API void pclean_stream_end(pclean_stream *stream, int status, const pclean_err *err);

#ifdef __cplusplus
}
#endif
#endif
