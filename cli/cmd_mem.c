/* cmd_mem.c: the estimates of pclean/memory.h as a table or JSON. */
#include "cli.h"
#include "line.h"
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean mem: how much memory imaging takes, and how many workers fit.\n"
    "\n"
    "Usage: pclean mem [CONFIG.yaml] [--imsize N|NX,NY] [--nworkers N | --ram 64GiB]\n"
    "                  [--model casa|native] [--json] [--FLAG VALUE ...]\n"
    "\n"
    "  --model casa           workers that run CASA, as the Python pclean estimates them "
    "(default)\n"
    "  --model native         pclean's own workers, from the sizes of their buffers\n"
    "  --imsize N|NX,NY       image size in pixels (default: the configuration's, or 4096)\n"
    "  --nchan-per-task N     channels that a worker of CASA images at a time (default: 1;\n"
    "                         pclean's own hold one plane, whatever this is)\n"
    "  --gridder NAME         standard, wproject, widefield, mosaic, awproject (default: "
    "standard)\n"
    "  --deconvolver NAME     mtmfs counts nterms (default: hogbom)\n"
    "  --nterms N             Taylor terms (default: 1)\n"
    "  --nfields N            pointings of a mosaic (default: 1)\n"
    "  --nworkers N           workers whose peak is wanted (default: as many as fit)\n"
    "  --ram SIZE             memory there is, 64GiB, 500GB; a bare number is in GiB (default: "
    "the\n"
    "                         least of physical memory, cgroup limits and Slurm's allocation)\n"
    "  --ram-safety-factor X  of it for workers (default: 0.85)\n"
    "  --json                 the same as one JSON object\n"
    "\n"
    "A CONFIG.yaml, or flags of pclean image, say what else the native model wants to know "
    "(weighting,\n"
    "niter, threads ...). With vis the MeasurementSets are opened and counted. Without it the "
    "packed\n"
    "visibilities come on top, once: 12 bytes for each visibility and Stokes plane, 40 for each "
    "row, in\n"
    "memory or in a scratch file. With no configuration at all a CLEAN with briggs weighting is "
    "assumed.\n"
    "\n"
    "Examples:\n"
    "  pclean mem --imsize 8000 --ram 64GiB\n"
    "  pclean mem line.yaml --model native --nworkers 4\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char *const own_flags[] = {
    "model",    "imsize", "nchan-per-task",    "gridder", "deconvolver", "nterms", "nfields",
    "nworkers", "ram",    "ram-safety-factor", "json",    "help",        NULL};

typedef struct request {
    cli_line line;
    pclean_memory_request memory;
    int64_t nworkers; /* 0: as many as fit */
    double ram_gib;   /* 0: what there is */
    bool json, help;
} request;

/* ---- the line ---- */

/* Any whole number: which ones make sense is the library's to say. */
static bool parse_whole(const char *text, const char **end, int64_t *out) {
    char *after;
    errno = 0;
    *out = strtoll(text, &after, 10);
    *end = after;
    return after != text && errno == 0;
}

static bool parse_number(const char *text, int64_t *out) {
    const char *end;
    return parse_whole(text, &end, out) && !*end;
}

static bool parse_imsize(const char *text, pclean_memory_request *q) {
    const char *end;
    q->nimsize = 1;
    if (!parse_whole(text, &end, &q->imsize[0]))
        return false;
    if (*end == ',') {
        q->nimsize = 2;
        return parse_number(end + 1, &q->imsize[1]);
    }
    return !*end;
}

static bool parse_real(const char *text, double *out) {
    char *end;
    *out = strtod(text, &end);
    return end != text && !*end;
}

static bool parse_model(const char *text, int *out) {
    *out = strcmp(text, "native") == 0 ? PCLEAN_MEMORY_NATIVE : PCLEAN_MEMORY_CASA;
    return *out == PCLEAN_MEMORY_NATIVE || strcmp(text, "casa") == 0;
}

static int take_ram(request *r, const char *value) {
    pclean_err err = {0};
    return pclean_parse_ram_gib(value, &r->ram_gib, &err)
               ? cli_usage_error("mem", "--ram: %s", err.msg)
               : 0;
}

/* nworkers 0 would mean "as many as fit": it is no number of workers to ask for. */
static bool parse_nworkers(const char *text, int64_t *out) {
    const bool ok = parse_number(text, out);
    *out = ok && *out == 0 ? -1 : *out;
    return ok;
}

static bool set_flag(request *r, const char *name, const char *value) {
    pclean_memory_request *q = &r->memory;
    if (strcmp(name, "model") == 0)
        return parse_model(value, &q->model);
    if (strcmp(name, "imsize") == 0)
        return parse_imsize(value, q);
    if (strcmp(name, "nchan-per-task") == 0)
        return parse_number(value, &q->nchan_per_task);
    if (strcmp(name, "nterms") == 0)
        return parse_number(value, &q->nterms);
    if (strcmp(name, "nfields") == 0)
        return parse_number(value, &q->nfields);
    if (strcmp(name, "nworkers") == 0)
        return parse_nworkers(value, &r->nworkers);
    if (strcmp(name, "ram-safety-factor") == 0)
        return parse_real(value, &q->ram_safety_factor);
    *(strcmp(name, "gridder") == 0 ? &q->gridder : &q->deconvolver) = value;
    return *value != '\0';
}

static bool is_own(const char *name) {
    for (size_t i = 0; own_flags[i]; i++)
        if (strcmp(name, own_flags[i]) == 0)
            return true;
    return false;
}

static int take(request *r, cli_args *args) {
    if (!is_own(args->name))
        return cli_line_take(&r->line, args);
    const cli_switch switches[] = {{"json", &r->json}, {"help", &r->help}, {NULL, NULL}};
    bool *const on = cli_find_switch(switches, args->name);
    if (on) {
        *on = true;
        return args->value ? cli_usage_error("mem", "--%s takes no value", args->name) : 0;
    }
    const char *value = cli_args_value(args);
    if (!value)
        return cli_usage_error("mem", "--%s needs a value", args->name);
    if (strcmp(args->name, "ram") == 0)
        return take_ram(r, value);
    return set_flag(r, args->name, value)
               ? 0
               : cli_usage_error("mem", "--%s: not \"%s\"", args->name, value);
}

/* ---- results ---- */

static void print_buffers(const pclean_memory_estimate *e, bool once) {
    for (size_t i = 0; i < e->nbuffer; i++) {
        const pclean_memory_buffer *b = &e->buffer[i];
        char bytes[24] = "-";
        if (b->bytes_per_pixel > 0)
            snprintf(bytes, sizeof bytes, "%.1f", b->bytes_per_pixel);
        if (b->once == once)
            printf("%-42s %-18s %11s %10.3f\n", b->name, b->dtype, bytes, b->gib);
    }
}

static void print_table(const pclean_memory_estimate *e) {
    printf("%-42s %-18s %11s %10s\n", "each worker", "dtype", "bytes/pixel", "GiB");
    print_buffers(e, false);
    printf("%-42s %-18s %11s %10.3f\n\n", "worker", "", "", e->worker_gib);
    printf("%-42s\n", "once");
    print_buffers(e, true);
    printf("\nmodel        %s\n", e->model == PCLEAN_MEMORY_NATIVE ? "native" : "casa");
    printf("peak         %.2f GiB with %zu worker%s\n", e->peak_gib, e->nworkers,
           e->nworkers == 1 ? "" : "s");
    printf("available    %.2f GiB (%s)\n", e->available_gib, e->available_from);
    printf("recommended  %zu worker%s in %g of it\n", e->recommended_nworkers,
           e->recommended_nworkers == 1 ? "" : "s", e->ram_safety_factor);
}

static int print(const request *r, const pclean_memory_estimate *e) {
    pclean_err err = {0};
    char *json = NULL;
    if (r->json) {
        const int rc = pclean_memory_json(e, &json, &err);
        return cli_print_json("mem", rc, json, &err);
    }
    print_table(e);
    return CLI_DONE;
}

static int estimate(const request *r) {
    pclean_memory_estimate *e = NULL;
    pclean_err err = {0};
    const double *ram_gib = r->ram_gib > 0 ? &r->ram_gib : NULL;
    const int rc = pclean_estimate_memory(&r->memory, r->nworkers, ram_gib, &e, &err);
    const int status = rc ? cli_library_error("mem", &err) : print(r, e);
    pclean_memory_estimate_free(e);
    return status;
}

/* What the line does not say is the configuration's. */
static int with_config(request *r) {
    pclean_config *config = NULL;
    pclean_err err = {0};
    int rc = pclean_config_new(&config, &err);
    rc = rc ? rc : cli_line_config(&r->line, false, config, &err);
    r->memory.config = config;
    int status = rc ? cli_line_error(&r->line, &err) : estimate(r);
    pclean_config_free(config);
    return status;
}

static int without_config(request *r) {
    pclean_memory_request usual, *q = &r->memory;
    pclean_memory_request_init(&usual, sizeof usual);
    if (q->nimsize == 0) {
        q->nimsize = usual.nimsize;
        q->imsize[0] = usual.imsize[0];
    }
    q->gridder = q->gridder ? q->gridder : usual.gridder;
    q->deconvolver = q->deconvolver ? q->deconvolver : usual.deconvolver;
    return estimate(r);
}

int cmd_mem(int argc, char **argv) {
    request r = {.line = {.command = "mem", .own = own_flags}};
    cli_args args;
    int status = 0;
    pclean_memory_request_init(&r.memory, sizeof r.memory);
    r.memory.nimsize = 0; /* not given so far */
    r.memory.gridder = r.memory.deconvolver = NULL;
    cli_args_init(&args, argc, argv);
    while (!status && cli_args_next(&args))
        status = take(&r, &args);
    if (!status && r.help)
        fputs(usage, stdout);
    else if (!status)
        status =
            r.line.file || r.line.npreset || r.line.nsetting ? with_config(&r) : without_config(&r);
    cli_line_clear(&r.line);
    return status;
}
