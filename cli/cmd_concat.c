/* cmd_concat.c: join images. */
#include "cli.h"
#include "progress.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean concat: join CASA images along an axis.\n"
    "\n"
    "Usage: pclean concat OUT IN... [FLAGS]\n"
    "       pclean concat --subcubes BASE [-n N] [--ext .image,.psf] [FLAGS]\n"
    "\n"
    "The first form joins the images IN... in that order as OUT. The second one joins "
    "BASE.subcube.0.image,\n"
    "BASE.subcube.1.image ... as BASE.image, and so for every product; parts that wait for their "
    "common beam\n"
    "(restoringbeam=common) are restored before. Nothing of an old OUT is lost before the new one "
    "is "
    "complete; inputs\n"
    "are not changed.\n"
    "\n"
    "  --mode MODE        paged (default): OUT holds all pixels itself\n"
    "                     virtual (nomovevirtual): OUT is a list of the inputs, which must stay "
    "where they are\n"
    "                     movevirtual: the inputs are moved into OUT, which is a list of them\n"
    "                     copyvirtual: the same with copies\n"
    "                     auto: virtual with --keep-subcubes, else paged\n"
    "  --keep-subcubes    for --mode auto\n"
    "  --axis N           pixel axis, from 0 (default: the spectral one)\n"
    "  --strict, --relax  strict (default): a gap, other pixel widths and any difference are "
    "errors; relax: gaps and other\n"
    "                     widths make the axis a table of values. Overlaps are errors in either "
    "case.\n"
    "  --reorder          put the inputs in the order of their coordinates\n"
    "  --overwrite        replace an existing OUT\n"
    "  --allow-copy       movevirtual to another file system: copy and remove\n"
    "  --verify full      compare all pixels with the inputs before OUT gets its name (default: "
    "sample)\n"
    "  --delete-subcubes  remove the inputs when OUT is complete and verified\n"
    "  --workers N        threads that move pixels (default 4; 0: all cores)\n"
    "  -n N               number of sub-cubes (default: those there are); a missing one is an "
    "error\n"
    "  --ext LIST         extensions to join (default: all standard ones that exist)\n"
    "  --dry-run          check everything, write nothing\n"
    "  --json             the summary as JSON\n"
    "  --progress HOW     auto, bar, lines, json or none\n"
    "  --commands stdin   with --progress json: {\"command\":\"stop\"} on standard input stops it\n"
    "\n"
    "Example: pclean concat line.image line.subcube.?.image --reorder\n"
    "Exit status: 0 done, 1 failed (also if one of several images failed), 2 wrong usage.\n";

typedef struct concat_request {
    pclean_concat_options options;
    const char *base;
    int progress;      /* enum cli_progress_mode */
    const char **name; /* OUT IN..., borrowed */
    size_t nname, nparts;
    char *extension_text;
    const char *extension[100];
    bool json, help, commands;
} concat_request;

static int set_count(const char *flag, const char *value, size_t least, size_t *out) {
    char *end;
    const long n = strtol(value, &end, 10);
    if (*end || end == value || n < (long)least || n > 1000000) {
        return cli_usage_error("concat", "%s: a number from %zu on, not \"%s\"", flag, least,
                               value);
    }
    *out = (size_t)n;
    return 0;
}

static int set_mode(concat_request *r, const char *value) {
    r->options.mode = pclean_concat_mode_parse(value);
    return r->options.mode >= 0
               ? 0
               : cli_usage_error(
                     "concat",
                     "--mode: paged, virtual, movevirtual, copyvirtual or auto, not \"%s\"", value);
}

static int set_extensions(concat_request *r, const char *value) {
    size_t n = 0;
    free(r->extension_text);
    r->extension_text = strdup(value);
    for (char *word = strtok(r->extension_text, ","); word; word = strtok(NULL, ",")) {
        if (*word != '.' || n + 1 >= sizeof r->extension / sizeof *r->extension) {
            return cli_usage_error("concat", "--ext: extensions such as .image,.psf, not \"%s\"",
                                   value);
        }
        r->extension[n++] = word;
    }
    r->extension[n] = NULL;
    return n ? 0 : cli_usage_error("concat", "--ext: no extension is given");
}

/* Flags that take a value. Returns -1 for another flag. */
static int set_valued(concat_request *r, const char *name, const char *value) {
    size_t n = 0;
    int status;
    if (strcmp(name, "mode") == 0)
        return set_mode(r, value);
    if (strcmp(name, "ext") == 0)
        return set_extensions(r, value);
    if (strcmp(name, "axis") == 0) {
        if ((status = set_count("--axis", value, 0, &n)) == 0)
            r->options.axis = (int)n;
        return status;
    }
    if (strcmp(name, "workers") == 0) {
        if ((status = set_count("--workers", value, 0, &n)) == 0)
            r->options.max_workers = (int)n;
        return status;
    }
    if (strcmp(name, "nparts") == 0)
        return set_count("-n", value, 1, &r->nparts);
    if (strcmp(name, "subcubes") == 0) {
        r->base = value;
        return 0;
    }
    if (strcmp(name, "progress") == 0) {
        r->progress = cli_progress_parse(value);
        return r->progress >= 0
                   ? 0
                   : cli_usage_error(
                         "concat", "--progress: auto, bar, lines, json or none, not \"%s\"", value);
    }
    if (strcmp(name, "commands") == 0)
        return cli_progress_commands("concat", value, &r->commands);
    if (strcmp(name, "verify") == 0) {
        r->options.verify_full = strcmp(value, "full") == 0;
        return r->options.verify_full || strcmp(value, "sample") == 0
                   ? 0
                   : cli_usage_error("concat", "--verify: full or sample, not \"%s\"", value);
    }
    return -1;
}

static const char *const valued[] = {"mode",     "ext",      "axis",   "workers", "nparts",
                                     "subcubes", "progress", "verify", "commands"};

static int set_flag(concat_request *r, cli_args *args) {
    static const struct {
        const char *name;
        size_t offset;
        bool value;
    } plain[] = {
#define OPTION(member) offsetof(concat_request, options.member)
        {"relax", OPTION(relax), true},
        {"strict", OPTION(relax), false},
        {"reorder", OPTION(reorder), true},
        {"overwrite", OPTION(overwrite), true},
        {"allow-copy", OPTION(allow_copy), true},
        {"keep-subcubes", OPTION(keep_subcubes), true},
        {"delete-subcubes", OPTION(delete_inputs), true},
        {"dry-run", OPTION(dry_run), true},
        {"json", offsetof(concat_request, json), true},
        {"help", offsetof(concat_request, help), true},
#undef OPTION
    };
    const char *names[sizeof plain / sizeof *plain + sizeof valued / sizeof *valued + 2] = {
        "virtual"};
    size_t n = 1;
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++) {
        names[n++] = plain[i].name;
        if (strcmp(plain[i].name, args->name) == 0) {
            *(bool *)((char *)r + plain[i].offset) = plain[i].value;
            return args->value ? cli_usage_error("concat", "--%s takes no value", args->name) : 0;
        }
    }
    if (strcmp(args->name, "virtual") == 0) {
        fputs("pclean: warning: --virtual is deprecated; say --mode virtual\n", stderr);
        if (r->options.mode == PCLEAN_CONCAT_PAGED) {
            r->options.mode = PCLEAN_CONCAT_VIRTUAL;
        }
        return 0;
    }
    for (size_t i = 0; i < sizeof valued / sizeof *valued; i++) {
        names[n++] = valued[i];
        if (strcmp(valued[i], args->name) == 0) {
            const char *value = cli_args_value(args);
            return value ? set_valued(r, args->name, value)
                         : cli_usage_error("concat", "--%s needs a value", args->name);
        }
    }
    return cli_unknown_flag("concat", args->name, names);
}

static int read_line(int argc, char **argv, concat_request *r) {
    cli_args args;
    pclean_concat_options_init(&r->options, sizeof r->options);
    r->options.overwrite = r->options.relax = false;
    r->name = calloc((size_t)argc, sizeof *r->name);
    if (!r->name) {
        cli_print_error("out of memory");
        return CLI_FAILED;
    }
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        if (!*args.name && strcmp(args.value, "-n") == 0) {
            strcpy(args.name, "nparts");
            args.value = NULL;
        }
        if (!*args.name) {
            r->name[r->nname++] = args.value;
            continue;
        }
        const int status = set_flag(r, &args);
        if (status) {
            return status;
        }
    }
    if (r->help) {
        return 0;
    }
    if (r->base && r->nname > 0) {
        return cli_usage_error(
            "concat", "--subcubes names its images itself; \"%s\" is one too many", r->name[0]);
    }
    if (!r->base && r->nname < 2) {
        return cli_usage_error(
            "concat",
            r->nname ? "which images shall become %s?"
                     : "which images? For example: pclean concat line.image line.subcube.?.image",
            r->nname ? r->name[0] : "");
    }
    return 0;
}

/* ---- the summary ---- */

static const char *how_copied(const pclean_concat_output *o) {
    if (o->bytes_whole_tiles == o->bytes)
        return "copied";
    return o->bytes_whole_tiles ? "copied in part, repacked in part" : "repacked";
}

static void print_text(const pclean_concat_result *r, bool dry) {
    for (size_t i = 0; i < r->noutput; i++) {
        const pclean_concat_output *o = &r->output[i];
        if (o->err.code) {
            continue;
        }
        printf("%s%s: %s, %zu image%s, %zu plane%s%s", dry ? "would make " : "", o->path,
               pclean_concat_mode_name(o->mode), o->ninput, o->ninput == 1 ? "" : "s", o->nplane,
               o->nplane == 1 ? "" : "s", o->regular ? "" : ", axis a table");
        if (o->bytes) {
            printf(", %.1f MB %s", 1e-6 * (double)o->bytes, how_copied(o));
        }
        putchar('\n');
    }
    if (r->bytes) {
        printf("%.1f MB in %.2f s, %.0f MB/s\n", 1e-6 * (double)r->bytes, r->seconds,
               1e-6 * (double)r->bytes / r->seconds);
    }
}

static void print(const concat_request *r, const pclean_concat_result *result) {
    pclean_err err = {0};
    char *json = NULL;
    if (r->json) {
        const int rc = pclean_concat_json(result, &json, &err);
        (void)cli_print_json("concat", rc, json, &err);
    } else {
        print_text(result, r->options.dry_run);
    }
    fflush(stdout);
}

/* Names the images that could not be joined. */
static void print_failures(const concat_request *r, const pclean_concat_result *result,
                           const pclean_err *err) {
    for (size_t i = 0; r->base && err->code == PCLEAN_EFAILED && result && i < result->noutput; i++)
        if (result->output[i].err.code)
            fprintf(stderr, "pclean: %s failed: %s\n", result->output[i].path,
                    result->output[i].err.msg);
}

static int run(const concat_request *r) {
    pclean_err err = {0};
    cli_progress display;
    pclean_concat_result *result = NULL;
    const cli_watch watch = {.command = "concat", .mode = r->progress, .commands = r->commands};
    cli_stop_catch();
    int status = cli_progress_init(&display, &watch);
    if (status)
        return status;
    const pclean_hooks hooks = cli_progress_hooks(&display);
    const char *const *extension = r->extension[0] ? r->extension : NULL;
    int rc = r->base ? pclean_concat_subcubes(r->base, r->nparts, extension, &r->options, &hooks,
                                              &result, &err)
                     : pclean_concat_images(r->name[0], r->name + 1, r->nname - 1, &r->options,
                                            &hooks, &result, &err);
    status = cli_run_status(rc);
    if (display.stream && result) {
        char *json = NULL;
        const int written = pclean_concat_json(result, &json, NULL);
        cli_progress_result(&display, written, json);
    }
    cli_progress_finish(&display, status, rc ? &err : NULL);
    if (result) {
        print(r, result);
    }
    if (rc && display.mode != CLI_PROGRESS_JSON) {
        print_failures(r, result, &err);
        cli_print_run_error(&err);
    }
    pclean_concat_result_free(result);
    return status;
}

int cmd_concat(int argc, char **argv) {
    concat_request r = {0};
    int status = read_line(argc, argv, &r);
    if (r.help) {
        fputs(usage, stdout);
    } else if (!status) {
        status = run(&r);
    }
    free(r.extension_text);
    free(r.name);
    return status;
}
