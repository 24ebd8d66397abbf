/* cmd_plan.c: what a run would do, as tables and small pictures, or as JSON. */
#include "cli.h"
#include "line.h"
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean plan: what pclean image would do and take, without doing it.\n"
    "\n"
    "Usage: pclean plan [CONFIG.yaml] [--preset NAME] [--PARAMETER VALUE ...] [--no-time] "
    "[--json]\n"
    "\n"
    "Takes what pclean image takes. Shows the parameters that are set, the data, the channel grid, "
    "its parts,\n"
    "workers, memory, disk space and time. The time is measured on a sample: some rows are read "
    "and one small plane\n"
    "is made of them, which takes about a second. How long CLEAN takes cannot be known before: the "
    "plan says\n"
    "what all niter iterations in each channel would take, which is the most. Nothing is written.\n"
    "\n"
    "  --no-time    do not measure\n"
    "  --json       one JSON object\n"
    "  --help       this text\n"
    "\n"
    "Examples:\n"
    "  pclean plan line.yaml\n"
    "  pclean plan line.yaml --imsize 2048 --json\n"
    "Exit status: 0 done, also when the plan names problems; 1 failed, 2 wrong usage.\n";

static const char *const own_flags[] = {"preset", "no-time", "json", "help", NULL};

typedef struct request {
    cli_line line;
    bool json, no_time, help;
} request;

/* ---- text ---- */

enum { WIDTH = 60, MOST_WINDOWS = 20, MOST_WORKERS = 4 };

/* Fills places [from, to) of a bar, given as fractions of it; what is there at all has one
 * place. */
static void fill(char bar[WIDTH + 1], double from, double to, char with) {
    const int first = (int)fmin(WIDTH - 1, fmax(0, from * WIDTH)),
              last = (int)fmin(WIDTH, fmax(first + 1, round(to * WIDTH)));
    if (to > from)
        memset(bar + first, with, (size_t)(last - first));
}

static void empty(char bar[WIDTH + 1], char with) {
    memset(bar, with, WIDTH);
    bar[WIDTH] = '\0';
}

static void print_share(const char *title, uint64_t part, uint64_t whole) {
    char bar[WIDTH + 1];
    empty(bar, '.');
    fill(bar, 0, whole ? fmin(1, (double)part / (double)whole) : 1, '#');
    printf("  %-9s [%s]\n", title, bar);
}

/* Those that are not at their defaults. */
static int print_parameters(const json_t *set, const json_t *defaults) {
    const char *group, *name;
    json_t *members, *value;
    puts("Parameters (the others have their defaults)");
    json_object_foreach((json_t *)set, group, members) json_object_foreach(members, name, value) {
        if (json_equal(value, json_object_get(json_object_get(defaults, group), name)))
            continue;
        char *text = json_is_string(value) ? strdup(json_string_value(value))
                                           : json_dumps(value, JSON_ENCODE_ANY);
        if (!text)
            return 1;
        printf("  %-21s %s\n", name, text);
        free(text);
    }
    return 0;
}

static void print_data(const pclean_plan *p) {
    printf("\nData                                            spw       rows   channels    needed  "
           "GHz (%s)\n",
           p->frame);
    for (size_t i = 0; i < p->nwindow && i < MOST_WINDOWS; i++) {
        const pclean_plan_window *w = &p->window[i];
        const size_t n = strlen(w->msname);
        printf("  %-42s %6d %10zu %10zu %9zu  %.6f to %.6f\n",
               n > 42 ? w->msname + n - 42 : w->msname, w->spw, w->nrow, w->nchan, w->nchan_read,
               w->low_hz / 1e9, w->high_hz / 1e9);
    }
    if (p->nwindow > MOST_WINDOWS)
        printf("  ... and %zu more\n", p->nwindow - MOST_WINDOWS);
}

/* Where the data lie and where the image's channels do. */
static void print_channels(const pclean_plan *p) {
    const double last = p->first_hz + ((double)p->nchan - 1) * p->step_hz,
                 half = 0.5 * fabs(p->step_hz);
    double low = fmin(p->first_hz, last) - half, high = fmax(p->first_hz, last) + half;
    const double image_low = low, image_high = high;
    for (size_t i = 0; i < p->nwindow; i++) {
        low = fmin(low, p->window[i].low_hz);
        high = fmax(high, p->window[i].high_hz);
    }
    char data[WIDTH + 1], image[WIDTH + 1];
    empty(data, ' ');
    empty(image, ' ');
    for (size_t i = 0; i < p->nwindow; i++)
        fill(data, (p->window[i].low_hz - low) / (high - low),
             (p->window[i].high_hz - low) / (high - low), '=');
    fill(image, (image_low - low) / (high - low), (image_high - low) / (high - low), '#');
    printf("\nImage: %zu x %zu pixels, %zu channel%s from %.9g GHz in steps of %.9g kHz (%s)",
           p->nx, p->ny, p->nchan, p->nchan == 1 ? "" : "s", p->first_hz / 1e9, p->step_hz / 1e3,
           p->frame);
    if (p->npol > 1)
        printf(", %zu Stokes planes", p->npol);
    printf("\n  data      [%s]\n  image     [%s]\n             %-*.6f%*.6f GHz\n", data, image,
           WIDTH / 2, low / 1e9, WIDTH - WIDTH / 2, high / 1e9);
}

static void print_memory(const pclean_plan *p) {
    char need[32], limit[32] = "any", worker[32], vis[32], part[32];
    cli_bytes_text(p->memory_bytes, need, sizeof need);
    cli_bytes_text(p->worker_bytes, worker, sizeof worker);
    cli_bytes_text(p->visibility_bytes, vis, sizeof vis);
    if (p->memory_limit_bytes < UINT64_MAX)
        cli_bytes_text(p->memory_limit_bytes, limit, sizeof limit);
    printf("\nWorkers: %s\n", p->workers_why);
    printf("\nMemory: %s of %s (%s)\n", need, limit, p->memory_limit_from);
    print_share("", p->memory_bytes, p->memory_limit_bytes);
    printf("  a worker  %s:", worker);
    for (size_t i = 0; i < p->nbuffer; i++) {
        cli_bytes_text(p->buffer[i].bytes, part, sizeof part);
        printf("%s %s%s %s", i ? "," : "", i ? "" : "uv ", p->buffer[i].name, part);
    }
    putchar('\n');
    printf("  once      visibilities %s, in %s\n", vis,
           p->store_in_file ? "a scratch file" : "memory");
}

static void print_folder(const char *title, const pclean_plan_disk *d) {
    char need[32], room[32];
    cli_bytes_text(d->needed_bytes, need, sizeof need);
    cli_bytes_text(d->free_bytes, room, sizeof room);
    printf("  %-9s %s of %s free in %s\n", title, need, room, d->folder);
    if (d->needed_bytes)
        print_share("", d->needed_bytes, d->free_bytes);
}

static void print_disk(const pclean_plan *p) {
    printf("\nDisk%s\n", p->one_disk && p->scratch.needed_bytes ? " (one for both)" : "");
    print_folder("products", &p->products);
    print_folder("scratch", &p->scratch);
}

static void print_time_bars(const pclean_plan *p) {
    const pclean_plan_time *t = &p->time;
    const double all = t->read_s + t->dirty_s + t->clean_s + t->write_s,
                 scale = all > 0 ? 1 / all : 0;
    const double dirty = t->read_s * scale, clean = dirty + t->dirty_s * scale,
                 write = clean + t->clean_s * scale;
    char bar[WIDTH + 1];
    empty(bar, ' ');
    fill(bar, 0, dirty, 'r');
    fill(bar, write, 1, 'w');
    printf("  disk      [%s]\n", bar);
    for (int i = 0; i < p->nworkers && i < MOST_WORKERS; i++) {
        empty(bar, ' ');
        fill(bar, dirty, clean, '#');
        fill(bar, clean, write, '+');
        printf("  worker %-2d [%s]\n", i + 1, bar);
    }
    if (p->nworkers > MOST_WORKERS)
        printf("  ... and %d workers more\n", p->nworkers - MOST_WORKERS);
}

static const char *duration(double s, char buf[32]) {
    const long t = lround(fmin(s, 1e9));
    if (t < 120)
        snprintf(buf, 32, s < 10 ? "%.2f s" : "%.0f s", s);
    else
        snprintf(buf, 32, "%ld:%02ld:%02ld", t / 3600, t / 60 % 60, t % 60);
    return buf;
}

static void print_time(const pclean_plan *p) {
    const pclean_plan_time *t = &p->time;
    const double least = t->read_s + t->dirty_s + t->write_s;
    char b[3][32];
    if (!t->known) {
        puts("\nTime: not known (not measured, or no data of the image in the sample)");
        return;
    }
    printf("\nTime: %s", duration(least, b[0]));
    if (t->clean_s > 0)
        printf(" to %s", duration(least + t->clean_s, b[0]));
    printf(", from a sample that took %s\n  r reading %s, # weights, PSF and dirty image %s",
           duration(t->sampling_s, b[0]), duration(t->read_s, b[1]), duration(t->dirty_s, b[2]));
    if (t->clean_s > 0)
        printf(", + CLEAN at most %s\n  (all iterations, %d major cycles)",
               duration(t->clean_s, b[0]), t->nmajor);
    printf(", w writing %s", duration(t->write_s, b[0]));
    putchar('\n');
    print_time_bars(p);
}

static void print_problems(const pclean_plan *p) {
    for (size_t i = 0; i < p->nproblem; i++)
        printf("%s  %s\n", i ? "" : "\nProblems\n", p->problem[i]);
}

static void print_partition(const pclean_plan *p) {
    printf("\nPartition (pclean partition would make these)\n");
    if (p->partition)
        cli_partition_print(p->partition);
    else
        printf("  none: %s\n", p->no_partition);
}

/* The sections in the order of a run. */
static int print_text(const pclean_plan *p, const json_t *defaults) {
    json_t *config = json_loads(p->config, 0, NULL);
    const int bad = !config || print_parameters(config, defaults);
    json_decref(config);
    if (bad)
        return CLI_FAILED;
    print_data(p);
    print_channels(p);
    print_partition(p);
    print_memory(p);
    print_disk(p);
    print_time(p);
    print_problems(p);
    return CLI_DONE;
}

/* ---- the command ---- */

/* The parameters' defaults; NULL: no memory. */
static json_t *read_defaults(pclean_err *err) {
    pclean_config *usual = NULL;
    char *text = NULL;
    int rc = pclean_config_new(&usual, err);
    rc = rc ? rc : pclean_config_dump_json(usual, &text, err);
    json_t *defaults = rc ? NULL : json_loads(text, 0, NULL);
    free(text);
    pclean_config_free(usual);
    return defaults;
}

static int show(const request *r, const pclean_plan *p) {
    pclean_err err = {0};
    char *json = NULL;
    if (r->json) {
        const int rc = pclean_plan_json(p, &json, &err);
        return cli_print_json("plan", rc, json, &err);
    }
    json_t *defaults = read_defaults(&err);
    const int status = defaults ? print_text(p, defaults) : cli_library_error("plan", &err);
    json_decref(defaults);
    return status;
}

static int make_plan(const request *r, const pclean_config *config) {
    pclean_plan *plan = NULL;
    pclean_plan_options options;
    pclean_err err = {0};
    pclean_plan_options_init(&options, sizeof options);
    options.measure = !r->no_time;
    options.parts = true;
    const int rc = pclean_plan_make(config, &options, &plan, &err),
              status = rc ? cli_library_error("plan", &err) : show(r, plan);
    pclean_plan_free(plan);
    return status;
}

static int serve(const request *r) {
    pclean_config *config = NULL;
    pclean_err err = {0};
    int rc = pclean_config_new(&config, &err);
    rc = rc ? rc : cli_line_config(&r->line, true, config, &err);
    const int status = rc ? cli_line_error(&r->line, &err) : make_plan(r, config);
    pclean_config_free(config);
    return status;
}

static int take(request *r, cli_args *args) {
    const cli_switch switches[] = {
        {"json", &r->json}, {"no-time", &r->no_time}, {"help", &r->help}, {NULL, NULL}};
    bool *const on = cli_find_switch(switches, args->name);
    if (!on)
        return cli_line_take(&r->line, args);
    *on = true;
    return args->value ? cli_usage_error("plan", "--%s takes no value", args->name) : 0;
}

int cmd_plan(int argc, char **argv) {
    request r = {.line = {.command = "plan", .own = own_flags}};
    cli_args args;
    int status = 0;
    cli_args_init(&args, argc, argv);
    while (!status && cli_args_next(&args))
        status = take(&r, &args);
    if (!status && r.help)
        fputs(usage, stdout);
    else if (!status)
        status = serve(&r);
    cli_line_clear(&r.line);
    return status;
}
