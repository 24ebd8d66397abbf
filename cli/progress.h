/* progress.h: what a run shows on standard error while it goes on: the log, and a bar, a line now
 * and then, or the library's stream of JSON lines and nothing else (docs/json.md). */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H
#include "pclean.h"
#include <pthread.h>
#include <stdbool.h>

enum cli_progress_mode {
    CLI_PROGRESS_AUTO,
    CLI_PROGRESS_BAR,
    CLI_PROGRESS_LINES,
    CLI_PROGRESS_JSON,
    CLI_PROGRESS_NONE
};

typedef struct cli_progress {
    enum cli_progress_mode mode; /* as shown: never AUTO */
    bool verbose, color, drawn;  /* drawn: a bar stands on the terminal's last line */
    double start_s, last_s;      /* monotonic clock; last_s: of the last output */
    double last_fraction;
    char stage[32];
    double stage_elapsed_s; /* elapsed_s when the stage began */
    size_t stage_done;      /* done when the stage began */
    pthread_mutex_t lock;
    pclean_stream *stream; /* of JSON; NULL: none */
} cli_progress;

/* How a run is to be watched. */
typedef struct cli_watch {
    const char *command; /* "image" */
    int mode;            /* enum cli_progress_mode */
    bool verbose;        /* debug messages, too */
    bool commands;       /* taken from standard input */
} cli_watch;

/* "auto", "bar", "lines", "json" or "none"; -1: none of these. */
int cli_progress_parse(const char *word);
/* The value of --commands; 0, or an exit status after an error was printed. */
int cli_progress_commands(const char *command, const char *value, bool *commands);
/* 0, or an exit status after an error was printed: then there is nothing to finish. */
int cli_progress_init(cli_progress *display, const cli_watch *watch);
/* What a TYPE_json answered; in JSON mode the event "result". Frees json. */
void cli_progress_result(cli_progress *display, int rc, char *json);
/* Clears the bar; ends the stream. err NULL: success. */
void cli_progress_finish(cli_progress *display, int status, const pclean_err *err);

/* What tells the library to report to the display, and when to stop. Thread-safe. */
pclean_hooks cli_progress_hooks(cli_progress *display);

#endif
