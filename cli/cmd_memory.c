/* cmd_memory.c: the estimates of pclean/memory.h as a table. */
#include "cli.h"
#include "pclean/memory.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean memory: estimate the memory that workers of CASA's imager need, and how many fit.\n"
    "\n"
    "Usage: pclean memory [--imsize N|NX,NY] [--nchan-per-task N] [--gridder NAME] [--deconvolver NAME]\n"
    "                     [--nterms N] [--nfields N] [--nworkers N] [--available-ram-gib X]\n"
    "\n"
    "  --imsize N|NX,NY       image size in pixels (default: 4096)\n"
    "  --nchan-per-task N     channels that a worker images at a time (default: 1)\n"
    "  --gridder NAME         standard, wproject, widefield, mosaic, awproject (default: standard)\n"
    "  --deconvolver NAME     mtmfs counts nterms (default: hogbom)\n"
    "  --nterms N             Taylor terms (default: 1)\n"
    "  --nfields N            pointings of a mosaic (default: 1)\n"
    "  --nworkers N           workers whose total is wanted (default: as many as fit)\n"
    "  --available-ram-gib X  memory there is (default: what this process may use)\n"
    "\n"
    "This is CASA's appetite, for sizing its jobs. pclean's own plan is printed by pclean image\n"
    "before it begins, and is much smaller.\n"
    "\n"
    "Example: pclean memory --imsize 8000 --available-ram-gib 64\n"
    "Exit status: 0 done, 2 wrong usage.\n";

typedef struct request {
    pclean_memory_task task;
    size_t nworkers; /* 0: as many as fit */
    double available_gib;
} request;

static bool parse_count(const char *text, size_t *out) {
    char *end;
    const long long n = strtoll(text, &end, 10);
    *out = (size_t)n;
    return end != text && !*end && n >= 1 && n <= INT_MAX;
}

static bool parse_imsize(const char *text, pclean_memory_task *t) {
    char x[32] = "", y[32] = "", rest;
    const int n = sscanf(text, "%31[0-9],%31[0-9]%c", x, y, &rest);
    if (n == 1 && strchr(text, ','))
        return false;
    return (n == 1 || n == 2) && strspn(text, "0123456789,") == strlen(text) && parse_count(x, &t->nx) && parse_count(n == 2 ? y : x, &t->ny);
}

static bool parse_gib(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end && *out > 0 && *out < 1e9;
}

/* 1: set, 0: bad value, -1: no such flag */
static int set_flag(request *r, const char *name, const char *value) {
    size_t n;
    if (strcmp(name, "imsize") == 0)
        return parse_imsize(value, &r->task);
    if (strcmp(name, "nchan-per-task") == 0)
        return parse_count(value, &r->task.nchan_per_task);
    if (strcmp(name, "nfields") == 0)
        return parse_count(value, &r->task.nfields);
    if (strcmp(name, "nworkers") == 0)
        return parse_count(value, &r->nworkers);
    if (strcmp(name, "available-ram-gib") == 0)
        return parse_gib(value, &r->available_gib);
    if (strcmp(name, "nterms") == 0) {
        const bool ok = parse_count(value, &n);
        r->task.nterms = ok ? (int)n : 1;
        return ok;
    }
    if (strcmp(name, "gridder") == 0)
        r->task.gridder = value;
    else if (strcmp(name, "deconvolver") == 0)
        r->task.deconvolver = value;
    else
        return -1;
    return *value != '\0';
}

static int unknown_flag(const cli_args *args) {
    static const char *const names[] = {"imsize", "nchan-per-task", "gridder", "deconvolver", "nterms", "nfields", "nworkers", "available-ram-gib", "help", NULL};
    if (!*args->name)
        return cli_usage_error("memory", "unexpected \"%s\"", args->value);
    const char *nearest = cli_nearest(args->name, names);
    return nearest ? cli_usage_error("memory", "unknown flag --%s; did you mean --%s?", args->name, nearest)
                   : cli_usage_error("memory", "unknown flag --%s", args->name);
}

static void print_table(const request *r) {
    const pclean_memory_task *t = &r->task;
    const char *from = "--available-ram-gib";
    const double available = r->available_gib > 0 ? r->available_gib : pclean_memory_available_gib(&from);
    const size_t fit = pclean_memory_recommend_nworkers(available, t, 0);
    const size_t n = r->nworkers ? r->nworkers : fit;
    printf("image              %zu x %zu pixels, %zu channel%s per task, %s, %s\n", t->nx, t->ny, t->nchan_per_task,
           t->nchan_per_task == 1 ? "" : "s", t->gridder, t->deconvolver);
    printf("worker             %.2f GiB\n", pclean_memory_estimate_worker_gib(t));
    printf("%-4zu worker%-8s %.2f GiB with the coordinator\n", n, n == 1 ? "" : "s", pclean_memory_estimate_peak_gib(n, t));
    printf("available          %.2f GiB (%s)\n", available, from);
    printf("recommended        %zu worker%s\n", fit, fit == 1 ? "" : "s");
}

int cmd_memory(int argc, char **argv) {
    request r = {0};
    pclean_memory_task_init(&r.task);
    cli_args args;
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        if (strcmp(args.name, "help") == 0) {
            fputs(usage, stdout);
            return CLI_DONE;
        }
        request probe = r; /* a flag that is not known has no value to take */
        if (!*args.name || set_flag(&probe, args.name, "1") < 0)
            return unknown_flag(&args);
        const char *value = cli_args_value(&args);
        if (!value)
            return cli_usage_error("memory", "--%s needs a value", args.name);
        if (set_flag(&r, args.name, value) == 0)
            return cli_usage_error("memory", "--%s: not \"%s\"", args.name, value);
    }
    print_table(&r);
    return CLI_DONE;
}
