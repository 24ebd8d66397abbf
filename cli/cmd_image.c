/* cmd_image.c: the main command. */
#include "cli.h"
#include "line.h"
#include "progress.h"
#include "report.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_head[] =
    "pclean image: make a CLEAN image or spectral cube from MeasurementSets.\n"
    "\n"
    "Usage: pclean image [CONFIG.yaml] [--preset NAME] [--PARAMETER VALUE | --PARAMETER=VALUE "
    "...]\n"
    "\n"
    "Examples:\n"
    "  pclean image --vis my.ms --imagename cont --imsize 1024 --cell 0.2arcsec \\\n"
    "      --weighting briggs --robust 0.5 --niter 5000 --threshold 0.1mJy\n"
    "  pclean image line.yaml --start 1400km/s --width 5km/s --nchan 40 --overwrite\n"
    "\n"
    "  CONFIG.yaml      parameters in a file, by group; make one with --dump-config\n"
    "  --preset NAME    start from a preset instead of the defaults (a name, or a file.yaml)\n"
    "  --list-presets   names and meanings of the presets\n"
    "  --dump-config    print the resolved configuration as YAML and stop\n"
    "  --commands stdin with --progress json: take commands from standard input\n"
    "  --help           this text\n"
    "\n"
    "Later wins: defaults, preset, file, flags, in whatever order they stand on the line.\n"
    "Lists: --imsize 512,256 or as Python writes them, --imsize \"[512, 256]\", --cell "
    "\"('1arcsec',)\";\n"
    "--vis may be repeated; a path that exists is one path, with commas too. Negative numbers are\n"
    "plain values: --nchan -1. A yes/no parameter may stand alone: --overwrite.\n"
    "\n"
    "Files: IMAGENAME.psf .residual .model .image .pb .sumwt .mask (and .image.pbcor with "
    "--pbcor),\n"
    "CASA images; each is IMAGENAME.EXT.part until it is complete. IMAGENAME.run.json, what "
    "happened,\n"
    "is written last. Existing products are kept unless --overwrite or --restart is given, and "
    "nothing\n"
    "else than CASA images is replaced.\n"
    "Results are printed on standard output, the log on standard error. Ctrl-C stops cleanly.\n"
    "With --progress json the log is one JSON object per line (docs/json.md), and with --commands "
    "stdin\n"
    "a line {\"command\":\"stop\"} on standard input stops the run as Ctrl-C does.\n"
    "Exit status: 0 done, 1 failed or interrupted, 2 wrong usage.\n"
    "\n"
    "Parameters:\n";

/* ---- the line ---- */

typedef struct request {
    cli_line line;
    bool dump, help, list_presets, commands;
} request;

static int take_flag(request *r, cli_args *args) {
    const cli_switch switches[] = {{"help", &r->help},
                                   {"dump-config", &r->dump},
                                   {"list-presets", &r->list_presets},
                                   {NULL, NULL}};
    bool *const on = cli_find_switch(switches, args->name);
    if (on) {
        *on = true;
        return args->value ? cli_usage_error("image", "--%s takes no value", args->name) : 0;
    }
    if (strcmp(args->name, "commands") == 0) {
        return cli_progress_commands("image", cli_args_value(args), &r->commands);
    }
    return cli_line_take(&r->line, args);
}

static int read_line(int argc, char **argv, request *r) {
    cli_args args;
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        int status = take_flag(r, &args);
        if (status) {
            return status;
        }
    }
    return 0;
}

/* ---- the run ---- */

static int run(const pclean_config *config, bool commands) {
    cli_progress display;
    pclean_result *result = NULL;
    pclean_err err = {0};
    char how[16];
    cli_config_text(config, "progress", how, sizeof how);
    const cli_watch watch = {.command = "image",
                             .mode = cli_progress_parse(how),
                             .verbose = cli_config_is(config, "verbose", "true"),
                             .commands = commands};
    cli_stop_catch();
    int status = cli_progress_init(&display, &watch);
    if (status) {
        return status;
    }
    const pclean_hooks hooks = cli_progress_hooks(&display);
    int rc = pclean_image(config, &hooks, &result, &err);
    status = cli_run_status(rc);
    if (display.stream && result) {
        char *json = NULL;
        const int written = pclean_result_json(result, &json, NULL);
        cli_progress_result(&display, written, json);
    }
    cli_progress_finish(&display, status, rc ? &err : NULL);
    if (rc == 0 || err.code == PCLEAN_EFAILED) {
        cli_report_print(stdout, config, result);
        fflush(stdout);
    }
    if (rc && display.mode != CLI_PROGRESS_JSON) {
        cli_print_run_error(&err);
    }
    pclean_result_free(result);
    return status;
}

static int print_help(pclean_err *err) {
    fputs(usage_head, stdout);
    return pclean_config_print_help(stdout, cli_columns(STDOUT_FILENO, 100), err);
}

static int serve(const request *r) {
    pclean_err err = {0};
    if (r->help || r->list_presets) {
        int rc = r->help ? print_help(&err) : pclean_config_list_presets(stdout, &err);
        return rc ? cli_library_error("image", &err) : CLI_DONE;
    }
    pclean_config *config = NULL;
    int rc = pclean_config_new(&config, &err);
    rc = rc ? rc : cli_line_config(&r->line, !r->dump, config, &err);
    if (rc == 0 && r->dump) {
        rc = pclean_config_dump_yaml(config, stdout, &err);
    }
    int status = rc ? cli_line_error(&r->line, &err) : CLI_DONE;
    if (rc == 0 && !r->dump) {
        status = run(config, r->commands);
    }
    pclean_config_free(config);
    return status;
}

int cmd_image(int argc, char **argv) {
    static const char *const own[] = {"preset",   "list-presets", "dump-config",
                                      "commands", "help",         NULL};
    request r = {.line = {.command = "image", .own = own}};
    int status = read_line(argc, argv, &r);
    status = status ? status : serve(&r);
    cli_line_clear(&r.line);
    return status;
}
