#include "pclean/stream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/sized.h"
#include "json/tables.h"

#define LEAST_S 0.1  /* between two lines of progress */
#define ASK_S   0.05 /* between two looks for commands */

struct pclean_stream {
    int fd, commands_fd;
    bool debug, stop;
    pclean_hooks hooks;
    double start_s, progress_s, asked_s; /* when the stream began, progress was last written, and
                                          * commands were last looked for */
    char stage[32];                      /* of the last line of progress */
    char line[1024];                     /* the beginning of a command */
    size_t nline;                        /* bytes of it; beyond its room they are dropped */
    pthread_mutex_t lock;
};

/* ---- lines ---- */

static void put(int fd, const char *text, size_t n) {
    while (n > 0) {
        const ssize_t k = write(fd, text, n);
        if (k < 0 && errno == EINTR)
            continue;
        if (k <= 0)
            return;
        text += k;
        n -= (size_t)k;
    }
}

/* One event: its name, then the keys of `rest`, whose reference is taken. */
static void put_event(pclean_stream *s, const char *event, json_t *rest) {
    json_t *o = json_object();
    char *text = NULL;
    if (json_object_set_new(o, "event", json_string(event)) == 0 &&
        json_object_update(o, rest) == 0)
        text = json_dumps(o, JSON_COMPACT);
    if (text) {
        const size_t n = strlen(text);
        text[n] = '\n'; /* in place of the terminating 0: one write for a line */
        put(s->fd, text, n + 1);
    }
    free(text);
    json_decref(o);
    json_decref(rest);
}

static void put_struct(pclean_stream *s, const char *event, const pcl_json_struct *table,
                       const void *from) {
    put_event(s, event, pcl_json_write(table, from));
}

/* ---- the events that have no public struct ---- */

typedef struct first_line {
    int version;
    char pclean[16];
    char *command;
    char time[32];
    int pid;
} first_line;

typedef struct log_line {
    char time[32];
    int level;
    char *text;
} log_line;

typedef struct end_line {
    int status;
    char *error;
    double elapsed_s;
} end_line;

static const pcl_json_field first_rows[] = {
    {.name = "version", .type = PCL_JSON_INT, .offset = offsetof(first_line, version)},
    {.name = "pclean", .type = PCL_JSON_CHARS, .offset = offsetof(first_line, pclean)},
    {.name = "command", .type = PCL_JSON_TEXT, .offset = offsetof(first_line, command)},
    {.name = "time", .type = PCL_JSON_CHARS, .offset = offsetof(first_line, time)},
    {.name = "pid", .type = PCL_JSON_INT, .offset = offsetof(first_line, pid)}};
static const pcl_json_struct first_table = {
    .size = sizeof(first_line), .nfield = 5, .field = first_rows};

static const pcl_json_field log_rows[] = {
    {.name = "time", .type = PCL_JSON_CHARS, .offset = offsetof(log_line, time)},
    {.name = "level",
     .type = PCL_JSON_CHOICE,
     .offset = offsetof(log_line, level),
     .words = "debug|info|warning"},
    {.name = "text", .type = PCL_JSON_TEXT, .offset = offsetof(log_line, text)}};
static const pcl_json_struct log_table = {.size = sizeof(log_line), .nfield = 3, .field = log_rows};

static const pcl_json_field end_rows[] = {
    {.name = "status", .type = PCL_JSON_INT, .offset = offsetof(end_line, status)},
    {.name = "error", .type = PCL_JSON_TEXT, .offset = offsetof(end_line, error)},
    {.name = "elapsed_s", .type = PCL_JSON_REAL, .offset = offsetof(end_line, elapsed_s)}};
static const pcl_json_struct end_table = {.size = sizeof(end_line), .nfield = 3, .field = end_rows};

static void now_text(char text[32]) {
    const time_t now = time(NULL);
    struct tm tm;
    strftime(text, 32, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&now, &tm));
}

static void put_log(pclean_stream *s, enum pclean_level level, const char *text) {
    log_line line = {.level = level, .text = (char *)(uintptr_t)text}; /* only read */
    now_text(line.time);
    put_struct(s, "log", &log_table, &line);
}

/* ---- commands ---- */

static void obey(pclean_stream *s, const char *line) {
    json_t *o = json_loads(line, 0, NULL);
    const char *command = json_string_value(json_object_get(o, "command"));
    char text[200];
    pthread_mutex_lock(&s->lock);
    if (command && strcmp(command, "stop") == 0) {
        s->stop = true;
        put_log(s, PCLEAN_LEVEL_INFO, "stop: asked for by a command");
    } else {
        snprintf(text, sizeof text, "not a command, passed over: %.100s", line);
        put_log(s, PCLEAN_LEVEL_WARNING, text);
    }
    pthread_mutex_unlock(&s->lock);
    json_decref(o);
}

static void take_bytes(pclean_stream *s, const char *bytes, size_t n) {
    for (size_t i = 0; i < n; i++) {
        if (bytes[i] != '\n') {
            if (s->nline < sizeof s->line - 1)
                s->line[s->nline++] = bytes[i];
            continue;
        }
        s->line[s->nline] = '\0';
        if (s->nline > 0)
            obey(s, s->line);
        s->nline = 0;
    }
}

/* What is there; a closed line has no more commands, and is no command itself. */
static void read_commands(pclean_stream *s) {
    char bytes[512];
    struct pollfd ready = {.fd = s->commands_fd, .events = POLLIN};
    while (s->commands_fd >= 0 && poll(&ready, 1, 0) > 0) {
        const ssize_t n = read(s->commands_fd, bytes, sizeof bytes);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            return;
        if (n <= 0)
            s->commands_fd = -1;
        else
            take_bytes(s, bytes, (size_t)n);
    }
}

/* ---- the hooks ---- */

static void progress(const pclean_progress *p, void *user) {
    pclean_stream *s = user;
    pthread_mutex_lock(&s->lock);
    const double now = pcl_now();
    if (p->plane || now - s->progress_s >= LEAST_S ||
        strncmp(s->stage, p->stage, sizeof s->stage - 1) != 0) {
        snprintf(s->stage, sizeof s->stage, "%s", p->stage);
        s->progress_s = now;
        put_struct(s, "progress", &pcl_json_progress, p);
    }
    if (p->plane)
        put_struct(s, "plane", &pcl_json_plane, p->plane);
    pthread_mutex_unlock(&s->lock);
}

static void take_cycle(const pclean_cycle *c, void *user) {
    pclean_stream *s = user;
    pthread_mutex_lock(&s->lock);
    put_struct(s, "cycle", &pcl_json_cycle, c);
    pthread_mutex_unlock(&s->lock);
}

static void take_log(enum pclean_level level, const char *text, void *user) {
    pclean_stream *s = user;
    if (level == PCLEAN_LEVEL_DEBUG && !s->debug)
        return;
    pthread_mutex_lock(&s->lock);
    put_log(s, level, text);
    pthread_mutex_unlock(&s->lock);
}

static int stop_requested(void *user) {
    pclean_stream *s = user;
    const double now = pcl_now();
    if (!s->stop && s->commands_fd >= 0 && now - s->asked_s >= ASK_S) {
        s->asked_s = now;
        read_commands(s);
    }
    return s->stop;
}

/* ---- interface ---- */

static const pclean_stream_options defaults = {.size = sizeof defaults, .commands_fd = -1};

void pclean_stream_options_init(pclean_stream_options *options, size_t size) {
    pcl_sized_init(options, size, &defaults, sizeof defaults);
}

int pclean_stream_new(int fd, const pclean_stream_options *options, pclean_stream **stream,
                      pclean_err *err) {
    PCL_REQUIRE(err, stream);
    *stream = NULL;
    pclean_stream_options o = defaults;
    int rc = PCL_TAKE(pclean_stream_options, &o, options, err);
    if (rc || (rc = PCL_ZNEW(stream, 1, "stream", err)))
        return rc;
    pclean_stream *s = *stream;
    s->fd = fd;
    s->commands_fd = o.commands_fd;
    s->debug = o.debug;
    s->start_s = pcl_now();
    s->hooks = (pclean_hooks){.size = sizeof s->hooks,
                              .progress = progress,
                              .log = take_log,
                              .stop_requested = stop_requested,
                              .cycle = take_cycle,
                              .user = s};
    pthread_mutex_init(&s->lock, NULL);
    first_line line = {.version = PCLEAN_STREAM_VERSION,
                       .pclean = PCLEAN_VERSION,
                       .command = (char *)(uintptr_t)o.command, /* only read */
                       .pid = (int)getpid()};
    now_text(line.time);
    put_struct(s, "start", &first_table, &line);
    return 0;
}

void pclean_stream_free(pclean_stream *stream) {
    if (!stream)
        return;
    pthread_mutex_destroy(&stream->lock);
    pcl_free(stream);
}

const pclean_hooks *pclean_stream_hooks(pclean_stream *stream) {
    return stream ? &stream->hooks : NULL;
}

void pclean_stream_result(pclean_stream *stream, const char *json) {
    json_t *result = stream && json ? json_loads(json, 0, NULL) : NULL;
    if (!result)
        return;
    json_t *rest = json_object();
    json_object_set_new(rest, "result", result);
    pthread_mutex_lock(&stream->lock);
    put_event(stream, "result", rest);
    pthread_mutex_unlock(&stream->lock);
}

void pclean_stream_end(pclean_stream *stream, int status, const pclean_err *err) {
    if (!stream)
        return;
    const end_line line = {.status = status,
                           .error = err ? (char *)(uintptr_t)err->msg : NULL, /* only read */
                           .elapsed_s = pcl_now() - stream->start_s};
    pthread_mutex_lock(&stream->lock);
    if (err && err->code)
        put_struct(stream, "error", &pcl_json_err, err);
    put_struct(stream, "end", &end_table, &line);
    pthread_mutex_unlock(&stream->lock);
}
