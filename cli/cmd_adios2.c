/* cmd_adios2.c: the functions of pclean/adios2.h. */
#include "cli.h"
#include "pclean/adios2.h"
#include "progress.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean adios2: MeasurementSets with columns in ADIOS2 files.\n"
    "\n"
    "Usage: pclean adios2 check [--json] [--keep]\n"
    "       pclean adios2 env\n"
    "       pclean adios2 uses MS\n"
    "       pclean adios2 convert IN OUT [FLAGS]\n"
    "       pclean adios2 split IN OUTDIR [FLAGS]\n"
    "       pclean adios2 restore IN OUT [--taql WHERE] [--overwrite] [--verify]\n"
    "\n"
    "  check    whether the storage manager Adios2StMan works here: makes, reads and removes a\n"
    "           table; casacore, ADIOS2 and casatools that are found. Status 1: it does not\n"
    "  env      the line that makes wsclean, python-casacore and others find the manager\n"
    "  uses     the columns that are in ADIOS2, one a line. Status 1: none\n"
    "  convert  copy an MS with columns moved to ADIOS2; the input is only read\n"
    "  split    the same, one MS for each spectral window: OUTDIR/NAME_spwN.ms\n"
    "  restore  the way back, to tiled columns\n"
    "\n"
    "  --columns A,B,...   columns to move, where there are such (default: DATA,CORRECTED_DATA,\n"
    "                      MODEL_DATA,FLAG,WEIGHT,SIGMA)\n"
    "  --engine BP4|BP5    (default: BP4; BP5 is faster and needs less memory)\n"
    "  --param KEY=VALUE   parameter of the engine, e.g. MaxBufferSize=512MB; may be repeated\n"
    "  --xml FILE          ADIOS2 configuration with <io name=\"Adios2StMan\"> in place of both\n"
    "  --taql WHERE        only rows for which this TaQL condition holds (not for split)\n"
    "  --overwrite         replace an existing output, once the new one is complete\n"
    "  --verify            compare every cell with the input (default: a sample)\n"
    "  --progress auto|bar|lines|json|none   (default: auto)\n"
    "  --commands stdin    with --progress json: {\"command\":\"stop\"} on standard input stops "
    "it\n"
    "  --json, --keep      of check: as JSON; leave the table it made\n"
    "\n"
    "The names of what was made are printed on standard output.\n"
    "Example: pclean adios2 convert my.ms my_adios2.ms --engine BP5 --verify\n"
    "Exit status: 0 done, 1 failed, 2 wrong usage.\n";

enum { MAX_LIST = 64 };

typedef struct request {
    const char *word[3];
    size_t nword;
    const char *columns[MAX_LIST + 1];
    char column_text[2048];
    const char *params[2 * MAX_LIST + 1];
    char param_text[MAX_LIST][512];
    size_t nparam;
    pclean_adios2_options options;
    int progress;
    bool json, keep, commands;
} request;

static int set_columns(request *r, const char *value) {
    size_t n = 0;
    snprintf(r->column_text, sizeof r->column_text, "%s", value);
    for (char *rest = r->column_text, *name; (name = strsep(&rest, ", ")) != NULL;)
        if (*name && n < MAX_LIST)
            r->columns[n++] = name;
    r->columns[n] = NULL;
    r->options.columns = r->columns;
    return n > 0 ? 0 : cli_usage_error("adios2", "--columns: which ones?");
}

static int add_param(request *r, const char *value) {
    const char *equals = strchr(value, '=');
    if (!equals || equals == value || !equals[1] || r->nparam == MAX_LIST ||
        strlen(value) >= sizeof r->param_text[0])
        return cli_usage_error("adios2", "--param: KEY=VALUE, not \"%s\"", value);
    char *text = strcpy(r->param_text[r->nparam], value);
    text[equals - value] = '\0';
    r->params[2 * r->nparam] = text;
    r->params[2 * r->nparam + 1] = text + (equals - value) + 1;
    r->nparam++;
    r->options.params = r->params;
    return 0;
}

static int set_progress(request *r, const char *value) {
    r->progress = cli_progress_parse(value);
    return r->progress >= 0 ? 0
                            : cli_usage_error("adios2",
                                              "--progress: auto, bar, lines, json or none, not "
                                              "\"%s\"",
                                              value);
}

static int set_value(request *r, const char *name, const char *value) {
    if (!value || !*value)
        return cli_usage_error("adios2", "--%s needs a value", name);
    if (strcmp(name, "columns") == 0)
        return set_columns(r, value);
    if (strcmp(name, "param") == 0)
        return add_param(r, value);
    if (strcmp(name, "progress") == 0)
        return set_progress(r, value);
    if (strcmp(name, "commands") == 0)
        return cli_progress_commands("adios2", value, &r->commands);
    if (strcmp(name, "engine") == 0)
        r->options.engine = value;
    else if (strcmp(name, "xml") == 0)
        r->options.xml_file = value;
    else
        r->options.taql = value;
    return 0;
}

/* Which flags a word takes: c check, v convert, s split, r restore. */
static const struct flag {
    const char *name, *of;
    bool alone;
} flags[] = {{"columns", "vs", false},   {"engine", "vs", false},   {"param", "vs", false},
             {"xml", "vs", false},       {"taql", "vr", false},     {"progress", "vsr", false},
             {"overwrite", "vsr", true}, {"verify", "vsr", true},   {"json", "c", true},
             {"keep", "c", true},        {"commands", "vsr", false}};
#define NFLAG (sizeof flags / sizeof *flags)

static int set_flag(request *r, char letter, cli_args *args) {
    const cli_switch switches[] = {{"overwrite", &r->options.overwrite},
                                   {"verify", &r->options.verify_all},
                                   {"json", &r->json},
                                   {"keep", &r->keep},
                                   {NULL, NULL}};
    const char *names[NFLAG + 1] = {0};
    for (size_t i = 0; i < NFLAG; i++) {
        names[i] = flags[i].name;
        if (strcmp(flags[i].name, args->name) != 0)
            continue;
        if (!strchr(flags[i].of, letter))
            return cli_usage_error("adios2", "--%s has no meaning here", args->name);
        if (!flags[i].alone)
            return set_value(r, flags[i].name, cli_args_value(args));
        *cli_find_switch(switches, flags[i].name) = strchr("ty1", *cli_args_bool(args)) != NULL;
        return 0;
    }
    return cli_unknown_flag("adios2", args->name, names);
}

/* ---- check, env, uses ---- */

static int fail(const pclean_err *err) {
    return cli_library_error("adios2", err);
}

static void print_info(const pclean_adios2_info *i) {
    printf("Adios2StMan  %s%s%s\n", i->supported ? "works" : "DOES NOT WORK",
           *i->reason ? ": " : "", i->reason);
    printf("plug-in      %s\n", *i->plugin ? i->plugin : "none");
    printf("ADIOS2       %s%s%s\n", *i->adios2_version ? i->adios2_version : "none",
           *i->engines ? ", engines " : "", i->engines);
    printf("casacore     %s, %s, %s\n", i->casacore_version, i->casacore_origin,
           i->casacore_library);
    if (*i->casatools_version)
        printf("casatools    %s, %s%s%s, %s\n", i->casatools_version, i->casatools_origin,
               *i->casatools_build ? ", build " : "", i->casatools_build, i->casatools_folder);
    else
        printf("casatools    none in this Python or conda environment\n");
}

static int print(const request *r, const pclean_adios2_info *info) {
    pclean_err err = {0};
    char *json = NULL;
    if (r->json) {
        const int rc = pclean_adios2_json(info, &json, &err);
        return cli_print_json("adios2", rc, json, &err);
    }
    print_info(info);
    return CLI_DONE;
}

static int check(const request *r) {
    pclean_adios2_info *info = NULL;
    pclean_err err = {0};
    if (pclean_adios2_check(!r->keep, &info, &err) != 0)
        return fail(&err);
    int status = print(r, info);
    if (!status && !info->supported)
        status = CLI_FAILED;
    pclean_adios2_info_free(info);
    return status;
}

static int env(const request *r) {
    (void)r;
    pclean_adios2_info *info = NULL;
    pclean_err err = {0};
    if (pclean_adios2_check(true, &info, &err) != 0)
        return fail(&err);
    if (info->supported)
        printf("export CASACORE_LDPATH='%s'\n", info->plugin);
    else
        cli_print_error(info->reason);
    const int status = info->supported ? CLI_DONE : CLI_FAILED;
    pclean_adios2_info_free(info);
    return status;
}

static int uses(const request *r) {
    bool yes;
    char **columns = NULL;
    pclean_err err;
    if (pclean_adios2_uses(r->word[1], &yes, &columns, NULL, &err) != 0)
        return fail(&err);
    for (size_t i = 0; columns[i]; i++)
        puts(columns[i]);
    pclean_adios2_free_list(columns);
    return yes ? CLI_DONE : CLI_FAILED;
}

/* ---- convert, split, restore ---- */

static int copy(const request *r) {
    cli_progress display;
    pclean_err err;
    char **outputs = NULL;
    const cli_watch watch = {.command = "adios2", .mode = r->progress, .commands = r->commands};
    cli_stop_catch();
    int status = cli_progress_init(&display, &watch);
    if (status)
        return status;
    const pclean_hooks hooks = cli_progress_hooks(&display);
    int rc;
    if (*r->word[0] == 'c')
        rc = pclean_adios2_convert(r->word[1], r->word[2], &r->options, &hooks, &err);
    else if (*r->word[0] == 's')
        rc = pclean_adios2_split(r->word[1], r->word[2], &r->options, &hooks, &outputs, &err);
    else
        rc = pclean_adios2_restore(r->word[1], r->word[2], &r->options, &hooks, &err);
    status = cli_run_status(rc);
    cli_progress_finish(&display, status, rc ? &err : NULL);
    for (size_t i = 0; outputs && outputs[i]; i++)
        puts(outputs[i]);
    if (rc == 0 && !outputs)
        puts(r->word[2]);
    pclean_adios2_free_list(outputs);
    if (rc && display.mode != CLI_PROGRESS_JSON)
        (void)fail(&err);
    return status;
}

static const struct action {
    const char *name;
    char letter;
    size_t nword; /* after the action's own */
    int (*run)(const request *r);
} actions[] = {{"check", 'c', 0, check},  {"env", 'e', 0, env},    {"uses", 'u', 1, uses},
               {"convert", 'v', 2, copy}, {"split", 's', 2, copy}, {"restore", 'r', 2, copy}};
#define NACTION (sizeof actions / sizeof *actions)

static const struct action *find_action(const char *word) {
    for (size_t i = 0; word && i < NACTION; i++)
        if (strcmp(actions[i].name, word) == 0)
            return &actions[i];
    return NULL;
}

int cmd_adios2(int argc, char **argv) {
    request r = {.progress = CLI_PROGRESS_AUTO};
    pclean_adios2_options_init(&r.options, sizeof r.options);
    const struct action *action = argc > 1 ? find_action(argv[1]) : NULL;
    cli_args args;
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        if (strcmp(args.name, "help") == 0) {
            fputs(usage, stdout);
            return CLI_DONE;
        }
        if (!action)
            break;
        const int status = *args.name ? set_flag(&r, action->letter, &args) : 0;
        if (status)
            return status;
        if (!*args.name && r.nword == 3)
            return cli_usage_error("adios2", "unexpected \"%s\"", args.value);
        if (!*args.name)
            r.word[r.nword++] = args.value;
    }
    if (!action)
        return cli_usage_error(
            "adios2",
            argc > 1 ? "what is \"%s\"? One of check, env, uses, convert, split, restore"
                     : "which of check, env, uses, convert, split, restore?",
            argc > 1 ? argv[1] : "");
    if (r.nword != action->nword + 1)
        return cli_usage_error("adios2", "%s takes %zu names", action->name, action->nword);
    return action->run(&r);
}
