#include "progress.h"
#include "cli.h"
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

int cli_progress_commands(const char *command, const char *value, bool *commands) {
    const char *text = value ? value : "";
    *commands = strcmp(text, "stdin") == 0;
    return *commands ? 0 : cli_usage_error(command, "--commands: stdin, not \"%s\"", text);
}

static int open_stream(cli_progress *d, const cli_watch *w) {
    pclean_stream_options options;
    pclean_err err = {0};
    pclean_stream_options_init(&options, sizeof options);
    options.command = w->command;
    options.commands_fd = w->commands ? STDIN_FILENO : -1;
    options.debug = w->verbose;
    return pclean_stream_new(STDERR_FILENO, &options, &d->stream, &err)
               ? cli_library_error(w->command, &err)
               : 0;
}

int cli_progress_init(cli_progress *d, const cli_watch *w) {
    *d = (cli_progress){.mode = (enum cli_progress_mode)w->mode, .verbose = w->verbose};
    if (w->commands && d->mode != CLI_PROGRESS_JSON) {
        return cli_usage_error(w->command, "--commands goes with --progress json, which answers");
    }
    if (d->mode == CLI_PROGRESS_AUTO) {
        d->mode = terminal() ? CLI_PROGRESS_BAR : CLI_PROGRESS_LINES;
    }
    const char *no_color = getenv("NO_COLOR");
    d->color = terminal() && !(no_color && *no_color);
    d->last_s = -1e9;
    pthread_mutex_init(&d->lock, NULL);
    return d->mode == CLI_PROGRESS_JSON ? open_stream(d, w) : 0;
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
    int room = columns - 1 - fixed, width = room > 40 ? 40 : room;
    width = width < 0 ? 0 : width;
    int full = (int)(p->fraction * width);
    static const char bar[] = "########################################";
    int n = snprintf(line, sizeof line, "\r%s [%.*s%*s] %3.0f %%  %s", p->stage, full, bar,
                     width - full, "", 100 * p->fraction, state);
    n = n > columns ? columns : n; /* '\r' and columns - 1 characters: never wraps */
    snprintf(line + n, sizeof line - (size_t)n, "\033[K");
    put(line, strlen(line));
    d->drawn = true;
}

/* ---- lines ---- */

static void time_stamp(char *buf, size_t size) {
    time_t t = time(NULL);
    struct tm tm;
    strftime(buf, size, "%Y-%m-%d %H:%M:%S", localtime_r(&t, &tm));
}

static void put_line(const char *before, const char *text, const char *after) {
    char stamp[40], line[4 * LINE_SIZE];
    time_stamp(stamp, sizeof stamp);
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

/* ---- the hooks ---- */

static bool due(const cli_progress *d, const pclean_progress *p, double now) {
    switch (d->mode) {
    case CLI_PROGRESS_BAR:
        return now - d->last_s >= REDRAW_S;
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
    if (due(d, p, now)) {
        if (d->mode == CLI_PROGRESS_BAR) {
            draw_bar(d, p);
        } else {
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
    if (warning) {
        put_line(d->color ? "\033[33mWARNING: " : "WARNING: ", text, d->color ? "\033[0m" : "");
    } else {
        put_line(level == PCLEAN_LEVEL_DEBUG ? "debug: " : "", text, "");
    }
    pthread_mutex_unlock(&d->lock);
}

/* A signal or a command. */
static int stop_requested(void *user) {
    const cli_progress *d = user;
    const pclean_hooks *stream = pclean_stream_hooks(d->stream);
    return cli_stop_requested() || (stream && stream->stop_requested(stream->user));
}

static void stream_progress(const pclean_progress *p, void *user) {
    const pclean_hooks *stream = pclean_stream_hooks(((cli_progress *)user)->stream);
    stream->progress(p, stream->user);
}

static void stream_log(enum pclean_level level, const char *text, void *user) {
    const pclean_hooks *stream = pclean_stream_hooks(((cli_progress *)user)->stream);
    stream->log(level, text, stream->user);
}

static void stream_cycle(const pclean_cycle *c, void *user) {
    const pclean_hooks *stream = pclean_stream_hooks(((cli_progress *)user)->stream);
    stream->cycle(c, stream->user);
}

pclean_hooks cli_progress_hooks(cli_progress *display) {
    pclean_hooks hooks;
    pclean_hooks_init(&hooks, sizeof hooks);
    hooks.progress = display->stream ? stream_progress : show;
    hooks.log = display->stream ? stream_log : show_log;
    hooks.cycle = display->stream ? stream_cycle : NULL;
    hooks.stop_requested = stop_requested;
    hooks.user = display;
    return hooks;
}

void cli_progress_result(cli_progress *d, int rc, char *json) {
    if (rc == 0) {
        pclean_stream_result(d->stream, json);
    }
    free(json);
}

void cli_progress_finish(cli_progress *d, int status, const pclean_err *err) {
    clear_bar(d);
    pclean_stream_end(d->stream, status, err);
    pclean_stream_free(d->stream);
    d->stream = NULL;
    pthread_mutex_destroy(&d->lock);
}
