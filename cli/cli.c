#include "cli.h"
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void print_hint(const char *command) {
    fprintf(stderr, "See: pclean %s%s--help\n", command, *command ? " " : "");
}

int cli_usage_error(const char *command, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("pclean: error: ", stderr);
    vfprintf(stderr, fmt, ap);
    fputc('\n', stderr);
    va_end(ap);
    print_hint(command);
    return CLI_USAGE;
}

void cli_print_error(const char *text) {
    fputs("pclean: error: ", stderr);
    for (; *text; text++) {
        fputs(*text == '\n' ? "\n               " : (char[]){*text, 0}, stderr);
    }
    fputc('\n', stderr);
}

int cli_library_error(const char *command, const pclean_err *err) {
    cli_print_error(err->msg);
    if (err->code != PCLEAN_EPARAM) {
        return CLI_FAILED;
    }
    print_hint(command);
    return CLI_USAGE;
}

int cli_print_json(const char *command, int rc, char *json, const pclean_err *err) {
    if (rc)
        return cli_library_error(command, err);
    puts(json);
    free(json);
    return CLI_DONE;
}

void cli_config_text(const pclean_config *config, const char *name, char *buf, size_t size) {
    char *text = NULL;
    snprintf(buf, size, "%s", pclean_config_get(config, name, &text, NULL) ? "" : text);
    free(text);
}

bool cli_config_is(const pclean_config *config, const char *name, const char *value) {
    char text[64];
    cli_config_text(config, name, text, sizeof text);
    return strcmp(text, value) == 0;
}

static size_t min_size(size_t a, size_t b) {
    return a < b ? a : b;
}

/* Edit distance; words longer than 31 letters count as far from everything. */
static size_t distance(const char *a, const char *b) {
    size_t na = strlen(a), nb = strlen(b), row[32];
    if (na > 31 || nb > 31) {
        return 99;
    }
    for (size_t j = 0; j <= nb; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t change = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            row[j] = min_size(change, 1 + min_size(row[j], row[j - 1]));
        }
    }
    return row[nb];
}

const char *cli_nearest(const char *word, const char *const *list) {
    const char *best = NULL;
    size_t nearest = 3; /* two typing errors at most */
    for (; *list; list++) {
        size_t d = distance(word, *list);
        if (d < nearest && d < strlen(*list)) {
            nearest = d;
            best = *list;
        }
    }
    return best;
}

int cli_unknown_flag(const char *command, const char *name, const char *const *list) {
    const char *nearest = cli_nearest(name, list);
    return nearest
               ? cli_usage_error(command, "unknown flag --%s; did you mean --%s?", name, nearest)
               : cli_usage_error(command, "unknown flag --%s", name);
}

bool *cli_find_switch(const cli_switch *list, const char *name) {
    for (; list->name; list++)
        if (strcmp(list->name, name) == 0)
            return list->on;
    return NULL;
}

int cli_columns(int fd, int otherwise) {
    const char *env = getenv("COLUMNS");
    int columns = env ? atoi(env) : 0;
    struct winsize size;
    if (columns <= 0 && ioctl(fd, TIOCGWINSZ, &size) == 0) {
        columns = size.ws_col;
    }
    return columns >= 20 ? columns : otherwise;
}

void cli_bytes_text(uint64_t bytes, char *buf, size_t size) {
    static const char *const names[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    double x = (double)bytes;
    size_t i = 0;
    while (x >= 1024 && i < 4) {
        x /= 1024;
        i++;
    }
    snprintf(buf, size, i && x < 100 ? "%.1f %s" : "%.0f %s", x, names[i]);
}

void cli_args_init(cli_args *args, int argc, char **argv) {
    *args = (cli_args){.argc = argc, .argv = argv, .next = 1};
}

bool cli_args_next(cli_args *args) {
    if (args->next >= args->argc) {
        return false;
    }
    const char *word = args->argv[args->next++];
    word = strcmp(word, "-h") == 0 ? "--help" : word;
    args->name[0] = 0;
    args->value = word;
    if (strncmp(word, "--", 2) == 0) {
        const char *equals = strchr(word, '=');
        snprintf(args->name, sizeof args->name, "%.*s",
                 (int)(equals ? equals - word - 2 : (long)strlen(word) - 2), word + 2);
        args->value = equals ? equals + 1 : NULL;
    }
    return true;
}

const char *cli_args_value(cli_args *args) {
    bool more = args->next < args->argc && strncmp(args->argv[args->next], "--", 2) != 0;
    if (!args->value && more) {
        args->value = args->argv[args->next++];
    }
    return args->value;
}

/* Is the word a yes or no, also in quotation marks or brackets, 'False' or [True]? */
static bool is_yes_or_no(const char *word) {
    static const char *const words[] = {"true", "false", "yes", "no", "on", "off", "1", "0"};
    static const char around[] = "'\"[](), ";
    const char *begin = word + strspn(word, around);
    const size_t n = strcspn(begin, around);
    bool found = false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        found = found || (strlen(words[i]) == n && strncasecmp(begin, words[i], n) == 0);
    }
    return found && begin[n + strspn(begin + n, around)] == '\0';
}

const char *cli_args_bool(cli_args *args) {
    if (!args->value && args->next < args->argc && is_yes_or_no(args->argv[args->next])) {
        args->value = args->argv[args->next++];
    }
    return args->value ? args->value : "true";
}

static pid_t command; /* 0: it has come to its own end */

static void on_abort(int number) {
    static const char message[] =
        "pclean: error: a library has ended the command, for want of memory if its last words "
        "above do not say why; what is unfinished is left for the next run to remove\n";
    (void)number;
    if (write(2, message, sizeof message - 1) < 0)
        _exit(CLI_FAILED);
    _exit(CLI_FAILED);
}

static void on_exit_of_a_library(void) {
    if (command == getpid())
        on_abort(0);
}

void cli_abort_catch(void) {
    command = getpid();
    signal(SIGABRT, on_abort);
    atexit(on_exit_of_a_library);
}

int cli_end(int status) {
    command = 0;
    return status;
}

static volatile sig_atomic_t stop_signal;

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define NSIGNAL (sizeof stop_signals / sizeof *stop_signals)

enum { PATIENCE_S = 10 };

/* Blocked in a read that does not end, say. What is unfinished goes with the next run of the
 * name. */
static void on_alarm(int number) {
    static const char message[] = "pclean: error: interrupted; it did not end by itself, so what "
                                  "is unfinished is left for the next run to remove\n";
    (void)number;
    if (write(2, message, sizeof message - 1) < 0)
        _exit(CLI_FAILED);
    _exit(CLI_FAILED);
}

/* The first signal asks the run to stop, for which it has some seconds; the next one meets the
 * default action and kills at once. */
static void on_signal(int number) {
    stop_signal = number;
    signal(SIGALRM, on_alarm);
    alarm(PATIENCE_S);
    for (size_t i = 0; i < NSIGNAL; i++) {
        signal(stop_signals[i], SIG_DFL);
    }
}

/* A signal that the parent chose to ignore (nohup, a shell's background job) stays ignored. */
void cli_stop_catch(void) {
    signal(SIGPIPE, SIG_IGN); /* a reader that goes away must not kill a run */
    for (size_t i = 0; i < NSIGNAL; i++) {
        struct sigaction old, catch = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigemptyset(&catch.sa_mask);
        if (sigaction(stop_signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            sigaction(stop_signals[i], &catch, NULL);
        }
    }
}

int cli_stop_requested(void) {
    return stop_signal != 0;
}

int cli_run_status(int rc) {
    if (rc == 0)
        return CLI_DONE;
    return rc == -PCLEAN_EPARAM ? CLI_USAGE : CLI_FAILED;
}

void cli_print_run_error(const pclean_err *err) {
    if (err->code == PCLEAN_EINTERRUPTED) {
        fprintf(stderr, "pclean: error: %s; nothing half-written stands under a final name\n",
                err->msg);
    } else {
        cli_print_error(err->msg);
    }
}
