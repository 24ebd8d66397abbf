/* cmd_partition.c: cuts an image into parts: a table or JSON on standard output, configurations
 * into a folder. */
#include "cli.h"
#include "line.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean partition: cut an image into parts that pclean image makes one by one.\n"
    "\n"
    "Usage: pclean partition [CONFIG.yaml] [--preset NAME] [--PARAMETER VALUE ...] [-n N] [--write "
    "DIR] [--json]\n"
    "\n"
    "  -n N, --nparts N        how many parts (default: by cube_chunksize, else nworkers)\n"
    "  --write DIR             write DIR/NAME.yaml for each part\n"
    "  --overwrite             replace the files of an earlier partition there, and remove its "
    "parts of higher\n"
    "                          numbers; the parts will replace existing products, too\n"
    "  --json                  print JSON instead of a table\n"
    "  --balance visibilities  parts of equal numbers of unflagged visibilities\n"
    "  --align integration     continuum: the rows of one time stamp stay together\n"
    "  --help                  this text\n"
    "\n"
    "A cube (specmode cube or cubedata) is cut by channels into NAME.subcube.N, a continuum image "
    "by\n"
    "rows into NAME.part.N. Put together, the parts' planes are those of the whole cube, byte for "
    "byte.\n"
    "Weights with one density for all channels: --write reads the data and adds DIR/NAME.density,\n"
    "which every part uses.\n"
    "\n"
    "Example: pclean partition line.yaml -n 8 --write parts\n"
    "         for part in parts/*.yaml; do pclean image $part; done\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

static const char *const own_flags[] = {"nparts", "write",  "json", "balance",
                                        "align",  "preset", "help", NULL};

typedef struct request {
    cli_line line;
    const char *folder;
    int nparts; /* 0: not given */
    bool json, help, overwrite;
    pclean_partition_options options;
} request;

/* ---- the line ---- */

static int take_nparts(request *r, const char *value) {
    char *end;
    const long n = value ? strtol(value, &end, 10) : 0;
    if (!value || end == value || *end || n < 1 || n > 100000)
        return cli_usage_error("partition", "-n %s: how many parts? A number from 1 to 100000",
                               value ? value : "");
    r->nparts = (int)n;
    return 0;
}

static int take_word_of(const char *flag, const char *value, const char *word, bool *on) {
    if (!value || (strcmp(value, word) != 0 && strcmp(value, "none") != 0))
        return cli_usage_error("partition", "--%s %s: choose %s or none", flag, value ? value : "",
                               word);
    *on = strcmp(value, word) == 0;
    return 0;
}

static int take(request *r, cli_args *args) {
    const char *name = args->name;
    if (!*name && strcmp(args->value, "-n") == 0)
        return take_nparts(r, args->next < args->argc ? args->argv[args->next++] : NULL);
    if (strcmp(name, "nparts") == 0)
        return take_nparts(r, cli_args_value(args));
    if (strcmp(name, "balance") == 0)
        return take_word_of(name, cli_args_value(args), "visibilities",
                            &r->options.balance_visibilities);
    if (strcmp(name, "align") == 0)
        return take_word_of(name, cli_args_value(args), "integration",
                            &r->options.align_integration);
    if (strcmp(name, "write") == 0) {
        r->folder = cli_args_value(args);
        return r->folder && *r->folder ? 0 : cli_usage_error("partition", "--write needs a folder");
    }
    if (strcmp(name, "overwrite") == 0) /* a parameter of the parts as well */
        r->overwrite = strchr("tTyY1", *cli_args_bool(args)) != NULL;
    if (strcmp(name, "json") == 0 || strcmp(name, "help") == 0) {
        *(name[0] == 'j' ? &r->json : &r->help) = true;
        return args->value ? cli_usage_error("partition", "--%s takes no value", name) : 0;
    }
    return cli_line_take(&r->line, args);
}

/* ---- the output ---- */

static void print_summary(const pclean_partition *p) {
    printf("%s of %zu channel%s from %.10g GHz in steps of %.10g kHz (%s), %zu part%s\n",
           p->cube ? "cube" : "continuum image", p->nchan, p->nchan == 1 ? "" : "s",
           p->first_hz / 1e9, p->step_hz / 1e3, p->frame, p->nparts, p->nparts == 1 ? "" : "s");
    if (p->nparts < p->nparts_wanted)
        printf("%zu of the %zu parts asked for would be empty and are left out: there are no more "
               "%s\n",
               p->nparts_wanted - p->nparts, p->nparts_wanted, p->cube ? "channels" : "rows");
}

void cli_partition_print(const pclean_partition *p) {
    print_summary(p);
    printf("\n%5s %13s %27s %11s %14s %7s  %s\n", "part", "channels", "GHz", "rows", "visibilities",
           "GiB", "name");
    for (size_t k = 0; k < p->nparts; k++) {
        const pclean_part *part = &p->part[k];
        char channels[40], range[64];
        snprintf(channels, sizeof channels, "%zu-%zu", part->channel_start,
                 part->channel_start + part->nchan - 1);
        snprintf(range, sizeof range, "%.7f-%.7f", part->freq_start_hz / 1e9,
                 part->freq_end_hz / 1e9);
        printf("%5zu %13s %27s %11llu %14llu %7.3f  %s\n", part->index, channels, range,
               (unsigned long long)part->rows, (unsigned long long)part->nvis, part->estimated_gib,
               part->name);
    }
    printf("\nrows %s; visibilities are %s, for each Stokes plane; GiB is the memory of the part's "
           "run\n",
           p->cube ? "of the windows that are read, without autocorrelations" : "as selected",
           p->flags_counted ? "unflagged samples" : "samples, flagged ones too");
    for (size_t k = 0; k < p->nparts; k++)
        if (p->part[k].file)
            printf("%s\n", p->part[k].file);
}

/* ---- the command ---- */

static int print(const request *r, const pclean_partition *p) {
    pclean_err err = {0};
    char *json = NULL;
    if (r->json) {
        const int rc = pclean_partition_json(p, &json, &err);
        return cli_print_json("partition", rc, json, &err);
    }
    cli_partition_print(p);
    return CLI_DONE;
}

static int partition(const request *r, const pclean_config *config) {
    pclean_partition *p = NULL;
    pclean_err err = {0};
    int rc = pclean_partition_make(config, r->nparts, &r->options, &p, &err);
    if (rc == 0 && r->folder)
        rc = pclean_partition_check(p, config, r->folder, r->overwrite, &err);
    if (rc == 0 && r->folder)
        rc = pclean_partition_write(p, config, r->folder, &err);
    const int status = rc ? cli_library_error("partition", &err) : print(r, p);
    pclean_partition_free(p);
    return status;
}

static int serve(const request *r) {
    pclean_config *config = NULL;
    pclean_err err = {0};
    int rc = pclean_config_new(&config, &err);
    rc = rc ? rc : cli_line_config(&r->line, true, config, &err);
    int status = rc ? cli_line_error(&r->line, &err) : partition(r, config);
    pclean_config_free(config);
    return status;
}

int cmd_partition(int argc, char **argv) {
    request r = {.line = {.command = "partition", .own = own_flags}};
    int status = 0;
    cli_args args;
    pclean_partition_options_init(&r.options, sizeof r.options);
    cli_args_init(&args, argc, argv);
    while (status == 0 && cli_args_next(&args))
        status = take(&r, &args);
    if (status == 0 && r.help)
        fputs(usage, stdout);
    else if (status == 0)
        status = serve(&r);
    cli_line_clear(&r.line);
    return status;
}
