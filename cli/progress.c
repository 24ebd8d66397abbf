#include "progress.h"
#include "cli.h"
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define REDRAW_S      0.1
#define LINE_S        10.0
#define LINE_FRACTION 0.1
#define LINE_MIN_S    1.0
#define LINE_SIZE     512

static double now_s(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static bool terminal(void) {
    const char *term = getenv("TERM");
    return isatty(STDERR_FILENO) && !(term && strcmp(term, "dumb") == 0);
}

int cli_progress_parse(const char *word) {
    static const char *const words[] = {"auto", "bar", "lines", "json", "none"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return (int)i;
    return -1;
}

void cli_progress_init(cli_progress *d, int mode, bool verbose) {
    *d = (cli_progress){
        .mode = (enum cli_progress_mode)mode, .verbose = verbose, .start_s = now_s()};
    if (d->mode == CLI_PROGRESS_AUTO) {
        d->mode = terminal() ? CLI_PROGRESS_BAR : CLI_PROGRESS_LINES;
    }
    const char *no_color = getenv("NO_COLOR");
    d->color = terminal() && !(no_color && *no_color);
    d->last_s = -1e9;
    pthread_mutex_init(&d->lock, NULL);
}

/* ---- texts ---- */

static void duration_text(char *buf, size_t size, double s) {
    long t = s < 0 ? 0 : lround(s);
    if (t < 3600) {
        snprintf(buf, size, "%ld:%02ld", t / 60, t % 60);
    } else {
        snprintf(buf, size, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    }
}

/* "12/46 channels, 3.1/s, 0:11 left": what a bar and a line both say. */
static void state_text(const cli_progress *d, const pclean_progress *p, char *buf, size_t size) {
    size_t used = (size_t)snprintf(buf, size, "%zu/%zu %s", p->done, p->total, p->unit);
    double seconds = p->elapsed_s - d->stage_elapsed_s;
    if (p->done > d->stage_done && seconds > 0.05 && used < size) {
        double rate = (double)(p->done - d->stage_done) / seconds;
        used +=
            (size_t)snprintf(buf + used, size - used, rate < 100 ? ", %.2g/s" : ", %.0f/s", rate);
    }
    if (p->remaining_s >= 0 && used < size) {
        char left[32];
        duration_text(left, sizeof left, p->remaining_s);
        snprintf(buf + used, size - used, ", %s left", left);
    }
}

/* One write, so that lines of several threads or processes do not mix. A closed standard error is
 * not our failure. */
static void put(const char *text, size_t n) {
    while (n > 0) {
        ssize_t k = write(STDERR_FILENO, text, n);
        if (k <= 0) {
            return;
        }
        text += k;
        n -= (size_t)k;
    }
}

/* ---- bar ---- */

static void clear_bar(cli_progress *d) {
    if (d->drawn) {
        put("\r\033[K", 4);
        d->drawn = false;
    }
}

static void draw_bar(cli_progress *d, const pclean_progress *p) {
    char state[160], line[LINE_SIZE];
    state_text(d, p, state, sizeof state);
    int columns = cli_columns(STDERR_FILENO, 80),
        state_width = (int)strlen(state) > 38 ? (int)strlen(state) : 38;
    /* the bar keeps its width while the numbers change theirs */
    int fixed = (int)strlen(p->stage) + state_width + 12;
    int room = columns - 1 - fixed,
        width = room > 40  ? 40
                : room < 0 ? 0
                           : room,
        full = (int)(p->fraction * width);
    static const char bar[] = "########################################";
    int n = snprintf(line, sizeof line, "\r%s [%.*s%*s] %3.0f %%  %s", p->stage, full, bar,
                     width - full, "", 100 * p->fraction, state);
    n = n > columns ? columns : n; /* '\r' and columns - 1 characters: never wraps */
    snprintf(line + n, sizeof line - (size_t)n, "\033[K");
    put(line, strlen(line));
    d->drawn = true;
}

/* ---- lines ---- */

static void time_stamp(char *buf, size_t size, bool utc) {
    time_t t = time(NULL);
    struct tm tm;
    strftime(buf, size, utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%d %H:%M:%S",
             utc ? gmtime_r(&t, &tm) : localtime_r(&t, &tm));
}

static void put_line(const char *before, const char *text, const char *after) {
    char stamp[40], line[4 * LINE_SIZE];
    time_stamp(stamp, sizeof stamp, false);
    int n = snprintf(line, sizeof line - 1, "%s  %s%s%s", stamp, before, text, after);
    n = n < (int)sizeof line - 2 ? n : (int)sizeof line - 2;
    line[n++] = '\n';
    put(line, (size_t)n);
}

static void draw_line(const cli_progress *d, const pclean_progress *p) {
    char state[160], line[LINE_SIZE];
    state_text(d, p, state, sizeof state);
    snprintf(line, sizeof line, "%s: %.0f %%, %s", p->stage, 100 * p->fraction, state);
    put_line("", line, "");
}

/* ---- JSON ---- */

static json_t *real(double x) {
    return isfinite(x) ? json_real(x) : json_null();
}

static json_t *count(size_t n) {
    return json_integer((json_int_t)n);
}

static json_t *plane_object(const pclean_plane *p) {
    json_t *o = json_object();
    json_object_set_new(o, "chan", count(p->chan));
    json_object_set_new(o, "pol", count(p->pol));
    json_object_set_new(o, "freq_hz", real(p->freq_hz));
    json_object_set_new(o, "nvis", json_integer((json_int_t)p->nvis));
    const struct {
        const char *name;
        double value;
    } reals[] = {{"sumwt", p->sumwt},
                 {"beam_major_rad", p->beam_major_rad},
                 {"beam_minor_rad", p->beam_minor_rad},
                 {"beam_pa_rad", p->beam_pa_rad},
                 {"psf_sidelobe", p->psf_sidelobe},
                 {"peak_dirty", p->peak_dirty},
                 {"peak_residual", p->peak_residual},
                 {"rms_residual", p->rms_residual},
                 {"model_flux", p->model_flux}};
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++) {
        json_object_set_new(o, reals[i].name, real(reals[i].value));
    }
    json_object_set_new(o, "niter", json_integer(p->niter));
    json_object_set_new(o, "nmajor", json_integer(p->nmajor));
    json_object_set_new(o, "stop", json_integer(p->stop));
    json_object_set_new(o, "stop_text", json_string(pclean_stop_text(p->stop)));
    json_object_set_new(o, "seconds", real(p->seconds));
    return o;
}

static void put_object(json_t *o) {
    char *text = json_dumps(o, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(15));
    if (text) {
        size_t n = strlen(text);
        text[n] = '\n'; /* in place of the terminating 0: one write per line */
        put(text, n + 1);
    }
    free(text);
    json_decref(o);
}

static void put_progress(const pclean_progress *p) {
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string("progress"));
    json_object_set_new(o, "stage", json_string(p->stage));
    json_object_set_new(o, "fraction", real(p->fraction));
    json_object_set_new(o, "done", count(p->done));
    json_object_set_new(o, "total", count(p->total));
    json_object_set_new(o, "unit", json_string(p->unit));
    json_object_set_new(o, "elapsed_s", real(p->elapsed_s));
    json_object_set_new(o, "remaining_s", p->remaining_s < 0 ? json_null() : real(p->remaining_s));
    if (p->plane) {
        json_object_set_new(o, "plane", plane_object(p->plane));
    }
    put_object(o);
}

static void put_json_log(enum pclean_level level, const char *text) {
    static const char *const names[] = {"debug", "info", "warning"};
    char stamp[40];
    time_stamp(stamp, sizeof stamp, true);
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string("log"));
    json_object_set_new(o, "time", json_string(stamp));
    json_object_set_new(o, "level", json_string(names[level]));
    json_object_set_new(o, "text", json_string(text));
    put_object(o);
}

static void put_end(double elapsed_s, int status, const pclean_err *err) {
    json_t *o = json_object();
    json_object_set_new(o, "event", json_string("end"));
    json_object_set_new(o, "status", json_integer(status));
    json_object_set_new(o, "error", err ? json_string(err->msg) : json_null());
    json_object_set_new(o, "elapsed_s", real(elapsed_s));
    put_object(o);
}

/* ---- the hooks ---- */

static bool due(const cli_progress *d, const pclean_progress *p, bool new_stage, double now) {
    switch (d->mode) {
    case CLI_PROGRESS_BAR:
        return now - d->last_s >= REDRAW_S;
    case CLI_PROGRESS_JSON:
        return new_stage || p->plane || now - d->last_s >= REDRAW_S;
    case CLI_PROGRESS_LINES: {
        bool moved = p->fraction - d->last_fraction >= LINE_FRACTION || now - d->last_s >= LINE_S;
        return moved && now - d->last_s >= LINE_MIN_S;
    }
    default:
        return false;
    }
}

static void show(const pclean_progress *p, void *user) {
    cli_progress *d = user;
    pthread_mutex_lock(&d->lock);
    bool new_stage = strncmp(d->stage, p->stage, sizeof d->stage - 1) != 0;
    if (new_stage) {
        snprintf(d->stage, sizeof d->stage, "%s", p->stage);
        d->stage_elapsed_s = p->elapsed_s;
        d->stage_done = p->done;
    }
    double now = now_s();
    if (due(d, p, new_stage, now)) {
        switch (d->mode) {
        case CLI_PROGRESS_BAR:
            draw_bar(d, p);
            break;
        case CLI_PROGRESS_JSON:
            put_progress(p);
            break;
        default:
            draw_line(d, p);
        }
        d->last_s = now;
        d->last_fraction = p->fraction;
    }
    pthread_mutex_unlock(&d->lock);
}

static void show_log(enum pclean_level level, const char *text, void *user) {
    cli_progress *d = user;
    if (level == PCLEAN_LEVEL_DEBUG && !d->verbose) {
        return;
    }
    pthread_mutex_lock(&d->lock);
    clear_bar(d);
    bool warning = level == PCLEAN_LEVEL_WARNING;
    if (d->mode == CLI_PROGRESS_JSON) {
        put_json_log(level, text);
    } else if (warning) {
        put_line(d->color ? "\033[33mWARNING: " : "WARNING: ", text, d->color ? "\033[0m" : "");
    } else {
        put_line(level == PCLEAN_LEVEL_DEBUG ? "debug: " : "", text, "");
    }
    pthread_mutex_unlock(&d->lock);
}

pclean_hooks cli_progress_hooks(cli_progress *display) {
    pclean_hooks hooks;
    pclean_hooks_init(&hooks, sizeof hooks);
    hooks.progress = show;
    hooks.log = show_log;
    hooks.stop_requested = cli_stop_requested;
    hooks.user = display;
    return hooks;
}

void cli_progress_finish(cli_progress *d, int status, const pclean_err *err) {
    clear_bar(d);
    if (d->mode == CLI_PROGRESS_JSON) {
        put_end(now_s() - d->start_s, status, err);
    }
    pthread_mutex_destroy(&d->lock);
}
