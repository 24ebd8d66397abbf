/* cmd_image.c: the main command. Parameters come from defaults < presets < file < flags, whatever their order on the
 * line, so the line is first read whole, then applied in that order. */
#include "cli.h"
#include "progress.h"
#include "report.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage_head[] =
    "pclean image: make a CLEAN image or spectral cube from MeasurementSets.\n"
    "\n"
    "Usage: pclean image [CONFIG.yaml] [--preset NAME] [--PARAMETER VALUE | --PARAMETER=VALUE ...]\n"
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
    "  --help           this text\n"
    "\n"
    "Later wins: defaults, preset, file, flags, in whatever order they stand on the line.\n"
    "Lists: --imsize 512,256 or --imsize \"[512,256]\"; --vis may be repeated. Negative numbers are\n"
    "plain values: --nchan -1. A yes/no parameter may stand alone: --overwrite.\n"
    "\n"
    "Files: IMAGENAME.psf .residual .model .image .pb .sumwt .mask (and .image.pbcor with --pbcor),\n"
    "CASA images; each is IMAGENAME.EXT.part until it is complete. IMAGENAME.run.json, what happened,\n"
    "is written last. Existing products are kept unless --overwrite or --restart is given.\n"
    "Results are printed on standard output, the log on standard error. Ctrl-C stops cleanly.\n"
    "With --progress json the log is one JSON object per line, \"event\" being progress, log or end.\n"
    "Exit status: 0 done, 1 failed or interrupted, 2 wrong usage.\n"
    "\n"
    "Parameters:\n";

/* ------------------------------------------------------------------ the line */

typedef struct setting {
    char name[64];
    char *value; /* owned */
} setting;

typedef struct request {
    const char *file;
    const char **preset; /* in order */
    size_t npreset;
    setting *setting; /* in order of first appearance */
    size_t nsetting;
    bool dump, help, list_presets;
} request;

static int no_memory(void) {
    fputs("pclean: error: out of memory\n", stderr);
    return CLI_FAILED;
}

/* Everything that is wrong before the run starts is wrong usage: a missing configuration file too. */
static int config_error(const pclean_err *err) {
    int status = cli_library_error("image", err);
    return err->code == PCLEAN_ENOMEM ? status : CLI_USAGE;
}

static void request_clear(request *r) {
    for (size_t i = 0; i < r->nsetting; i++) {
        free(r->setting[i].value);
    }
    free(r->setting);
    free(r->preset);
}

static bool known_parameter(const char *name) {
    for (size_t i = 0; i < pclean_config_count(); i++) {
        if (strcmp(pclean_config_name(i), name) == 0) {
            return true;
        }
    }
    return false;
}

/* The last flag of a name wins, but lists of paths grow. */
static int add_setting(request *r, const char *name, const char *value) {
    bool grows = strcmp(name, "vis") == 0 || strcmp(name, "startmodel") == 0;
    for (size_t i = 0; i < r->nsetting; i++) {
        setting *s = &r->setting[i];
        if (strcmp(s->name, name) == 0) {
            char *text = NULL;
            int n = grows ? asprintf(&text, "%s,%s", s->value, value) : asprintf(&text, "%s", value);
            if (n < 0) {
                return no_memory();
            }
            free(s->value);
            s->value = text;
            return 0;
        }
    }
    setting *grown = realloc(r->setting, (r->nsetting + 1) * sizeof *grown);
    char *copy = strdup(value);
    r->setting = grown ? grown : r->setting;
    if (!grown || !copy) {
        free(copy);
        return no_memory();
    }
    setting *s = &r->setting[r->nsetting++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->value = copy;
    return 0;
}

/* A flag that is not in the table: another parameter of tclean with a value that changes nothing is let pass, of what
 * is wrong the table says why; or one of our own flags is misspelt. */
static int take_other_flag(request *r, cli_args *args) {
    static const char *const own[] = {"preset", "list-presets", "dump-config", "help", NULL};
    const char *value = cli_args_value(args), *nearest = cli_nearest(args->name, own);
    pclean_config scratch;
    pclean_err err = {0};
    int rc = pclean_config_init(&scratch, &err);
    rc = rc ? rc : pclean_config_set(&scratch, args->name, value, &err);
    pclean_config_clear(&scratch);
    if (rc == -PCLEAN_EPARAM && nearest) {
        return cli_usage_error("image", "unknown flag --%s; did you mean --%s?", args->name, nearest);
    }
    return rc ? config_error(&err) : add_setting(r, args->name, value ? value : "");
}

static int add_preset(request *r, const char *name) {
    if (!name) {
        return cli_usage_error("image", "--preset needs a name; pclean image --list-presets shows them");
    }
    const char **grown = realloc(r->preset, (r->npreset + 1) * sizeof *grown);
    if (!grown) {
        return no_memory();
    }
    r->preset = grown;
    r->preset[r->npreset++] = name;
    return 0;
}

static int take_flag(request *r, cli_args *args) {
    const struct {
        const char *name;
        bool *flag;
    } switches[] = {{"help", &r->help}, {"dump-config", &r->dump}, {"list-presets", &r->list_presets}};
    for (size_t i = 0; i < sizeof switches / sizeof *switches; i++) {
        if (strcmp(args->name, switches[i].name) == 0) {
            *switches[i].flag = true;
            return args->value ? cli_usage_error("image", "--%s takes no value", args->name) : 0;
        }
    }
    if (strcmp(args->name, "preset") == 0) {
        return add_preset(r, cli_args_value(args));
    }
    if (!known_parameter(args->name)) {
        return take_other_flag(r, args);
    }
    const char *value = pclean_config_is_bool(args->name) ? cli_args_bool(args) : cli_args_value(args);
    return value ? add_setting(r, args->name, value) : cli_usage_error("image", "--%s needs a value", args->name);
}

static bool looks_like_file(const char *word) {
    const char *dot = strrchr(word, '.');
    return access(word, F_OK) == 0 || (dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0));
}

static int take_word(request *r, cli_args *args) {
    const char *word = args->value;
    if (word[0] == '-') {
        return cli_usage_error("image", "unknown flag %s; flags begin with two dashes, as --niter", word);
    }
    bool follows_value = args->next > 3 && strncmp(args->argv[args->next - 3], "--", 2) == 0;
    if (follows_value && !looks_like_file(word)) {
        return cli_usage_error("image", "unexpected \"%s\"; lists are written with commas, as --imsize 512,256", word);
    }
    if (r->file) {
        return cli_usage_error("image", "one configuration file at a time: \"%s\" and \"%s\" were given", r->file,
                               word);
    }
    r->file = word;
    return 0;
}

static int read_line(int argc, char **argv, request *r) {
    cli_args args;
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        int status = *args.name ? take_flag(r, &args) : take_word(r, &args);
        if (status) {
            return status;
        }
    }
    return 0;
}

/* ------------------------------------------------------------------ the configuration */

/* All flags, so that everything that is wrong with them is said at once, a line each. */
static int apply_settings(const request *r, pclean_config *config, pclean_err *err) {
    pclean_err one;
    int rc = 0;
    for (size_t i = 0; i < r->nsetting; i++) {
        int status = pclean_config_set(config, r->setting[i].name, r->setting[i].value, &one);
        if (status == 0) {
            continue;
        }
        if (rc == 0) {
            *err = one;
            rc = status;
        } else {
            strncat(err->msg, "\n", sizeof err->msg - strlen(err->msg) - 1);
            strncat(err->msg, one.msg, sizeof err->msg - strlen(err->msg) - 1);
        }
    }
    return rc;
}

static int build_config(const request *r, pclean_config *config, pclean_err *err) {
    for (size_t i = 0; i < r->npreset; i++) {
        int rc = pclean_config_apply_preset(config, r->preset[i], err);
        if (rc) {
            return rc;
        }
    }
    int rc = r->file ? pclean_config_read_yaml(config, r->file, err) : 0;
    return rc ? rc : apply_settings(r, config, err);
}

/* ------------------------------------------------------------------ the run */

static volatile sig_atomic_t stop_signal;

static const int stop_signals[] = {SIGINT, SIGTERM, SIGHUP};
#define NSIGNAL (sizeof stop_signals / sizeof *stop_signals)

/* The first signal asks the run to stop; the next one meets the default action and kills at once. */
static void on_signal(int number) {
    stop_signal = number;
    for (size_t i = 0; i < NSIGNAL; i++) {
        signal(stop_signals[i], SIG_DFL);
    }
}

/* A signal that the parent chose to ignore (nohup, a shell's background job) stays ignored. */
static void catch_signals(void) {
    for (size_t i = 0; i < NSIGNAL; i++) {
        struct sigaction old, catch = {.sa_handler = on_signal, .sa_flags = SA_RESTART};
        sigemptyset(&catch.sa_mask);
        if (sigaction(stop_signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) {
            sigaction(stop_signals[i], &catch, NULL);
        }
    }
}

static int stop_requested(void *user) {
    (void)user;
    return stop_signal != 0;
}

static void print_run_error(const pclean_err *err) {
    if (err->code == PCLEAN_EINTERRUPTED) {
        fprintf(stderr, "pclean: error: %s; nothing half-written stands under a final name\n", err->msg);
    } else {
        cli_print_error(err->msg);
    }
}

static int run(const pclean_config *config) {
    cli_progress display;
    pclean_result result = {0};
    pclean_err err = {0};
    cli_progress_init(&display, config);
    catch_signals();
    signal(SIGPIPE, SIG_IGN); /* a reader of the log that goes away must not kill a run */
    pclean_hooks hooks = {cli_progress_show, cli_progress_log, stop_requested, &display};
    int rc = pclean_image(config, &hooks, &result, &err);
    int status = rc == 0 ? CLI_DONE : err.code == PCLEAN_EPARAM ? CLI_USAGE : CLI_FAILED;
    cli_progress_finish(&display, status, rc ? &err : NULL);
    if (rc == 0 || err.code == PCLEAN_EFAILED) {
        cli_report_print(stdout, config, &result);
        fflush(stdout);
    }
    if (rc && display.mode != PCLEAN_PROGRESS_JSON) {
        print_run_error(&err);
    }
    pclean_result_clear(&result);
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
    pclean_config config;
    int rc = pclean_config_init(&config, &err);
    rc = rc ? rc : build_config(r, &config, &err);
    if (rc == 0) {
        rc = r->dump ? pclean_config_dump_yaml(&config, stdout, &err) : pclean_config_validate(&config, &err);
    }
    int status = rc ? config_error(&err) : r->dump ? CLI_DONE : run(&config);
    pclean_config_clear(&config);
    return status;
}

int cmd_image(int argc, char **argv) {
    request r = {0};
    int status = read_line(argc, argv, &r);
    status = status ? status : serve(&r);
    request_clear(&r);
    return status;
}
