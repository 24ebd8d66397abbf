/* progress.h: what a run shows on standard error while it goes on: the log, and a bar, a line now
 * and then, or JSON.
 *
 * --progress json writes one JSON object per line and nothing else:
 *   {"event":"progress","stage":S,"fraction":F,"done":N,"total":N,"unit":U,"elapsed_s":T,
 *    "remaining_s":T|null,"plane":{...}}
 *       at most ten a second, but each one that reports a finished plane; "plane" only then:
 *       {"chan","pol","freq_hz","nvis","sumwt","beam_major_rad","beam_minor_rad","beam_pa_rad",
 *        "psf_sidelobe","peak_dirty","peak_residual","rms_residual","model_flux","niter","nmajor",
 *        "stop","stop_text","seconds"}
 *   {"event":"log","time":"2025-01-31T12:00:00Z","level":"info"|"warning"|"debug","text":S}
 *   {"event":"end","status":0|1|2,"error":S|null,"elapsed_s":T}    the last line of every run
 * Numbers that are not finite are null. */
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
} cli_progress;

/* "auto", "bar", "lines", "json" or "none"; -1: none of these. */
int cli_progress_parse(const char *word);
/* verbose: debug messages, too. */
void cli_progress_init(cli_progress *display, int mode, bool verbose);
/* Clears the bar; in JSON mode writes the "end" line. err NULL: success. */
void cli_progress_finish(cli_progress *display, int status, const pclean_err *err);

/* What tells the library to report to the display, and when to stop. Thread-safe. */
pclean_hooks cli_progress_hooks(cli_progress *display);

#endif
