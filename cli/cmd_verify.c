/* cmd_verify.c: check an image. */
#include "cli.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean verify: check a CASA image.\n"
    "\n"
    "Usage: pclean verify IMAGE [--against IN...] [--full] [--axis N] [--allow-blank] [--json]\n"
    "\n"
    "Reads the image (paged or virtual) and fails if a file is missing or truncated, if a plane "
    "holds nothing but NaN\n"
    "or nothing but zeros, or if there are gaps along the axis. A single plane is not looked at "
    "for gaps.\n"
    "\n"
    "  --against IN...  the images of which IMAGE should consist, in order: coordinates, and "
    "pixels and masks of some\n"
    "                   tiles of each, must be theirs\n"
    "  --full           with --against: compare all pixels\n"
    "  --axis N         pixel axis, from 0 (default: the spectral one)\n"
    "  --allow-blank    planes of zeros are no failure (a .model may have some)\n"
    "  --json           the findings as JSON, with a checksum of each plane\n"
    "\n"
    "Example: pclean verify line.image --against line.subcube.?.image --full\n"
    "Exit status: 0 all is well, 1 something is wrong, 2 wrong usage.\n";

typedef struct verify_request {
    const char *image;
    const char **against;
    size_t nagainst;
    int axis;
    bool full, allow_blank, json, help, in_list;
} verify_request;

static int set_flag(verify_request *r, cli_args *args) {
    static const char *const names[] = {"against", "full", "axis", "allow-blank",
                                        "json",    "help", NULL};
    r->in_list = false;
    if (strcmp(args->name, "axis") == 0) {
        const char *value = cli_args_value(args);
        char *end = NULL;
        r->axis = value ? (int)strtol(value, &end, 10) : -1;
        return value && end != value && !*end && r->axis >= 0
                   ? 0
                   : cli_usage_error("verify", "--axis: a number from 0 on");
    }
    if (strcmp(args->name, "against") == 0) {
        r->in_list = true;
        if (args->value)
            r->against[r->nagainst++] = args->value;
        return 0;
    }
    bool *flag = strcmp(args->name, "full") == 0          ? &r->full
                 : strcmp(args->name, "allow-blank") == 0 ? &r->allow_blank
                 : strcmp(args->name, "json") == 0        ? &r->json
                 : strcmp(args->name, "help") == 0        ? &r->help
                                                          : NULL;
    if (flag && !args->value) {
        *flag = true;
        return 0;
    }
    const char *nearest = cli_nearest(args->name, names);
    return flag      ? cli_usage_error("verify", "--%s takes no value", args->name)
           : nearest ? cli_usage_error("verify", "unknown flag --%s; did you mean --%s?",
                                       args->name, nearest)
                     : cli_usage_error("verify", "unknown flag --%s", args->name);
}

static int read_line(int argc, char **argv, verify_request *r) {
    cli_args args;
    cli_args_init(&args, argc, argv);
    r->axis = -1;
    r->against = calloc((size_t)argc, sizeof *r->against);
    while (r->against && cli_args_next(&args)) {
        int status = 0;
        if (*args.name)
            status = set_flag(r, &args);
        else if (r->image && r->in_list)
            r->against[r->nagainst++] = args.value;
        else if (r->image)
            status = cli_usage_error("verify", "one image at a time: \"%s\" and \"%s\" were given",
                                     r->image, args.value);
        else
            r->image = args.value;
        if (status)
            return status;
    }
    if (r->help)
        return 0;
    if (!r->image)
        return cli_usage_error("verify", "which image?");
    return (r->full || r->in_list) && r->nagainst == 0
               ? cli_usage_error("verify", "--against: which images should %s consist of?",
                                 r->image)
               : 0;
}

static json_t *list(const size_t *values, size_t n) {
    json_t *a = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, json_integer((json_int_t)values[i]));
    return a;
}

static void print_json(const verify_request *r, const pclean_verify_result *v,
                       const pclean_err *err) {
    json_t *sums = json_array();
    char text[24];
    for (size_t i = 0; i < v->nplane; i++) {
        snprintf(text, sizeof text, "%016llx", (unsigned long long)v->checksum[i]);
        json_array_append_new(sums, json_string(text));
    }
    json_t *root = json_pack("{s:s s:I s:o s:o s:o s:o s:o s:s?}", "image", r->image, "planes",
                             (json_int_t)v->nplane, "nan", list(v->nan, v->nnan), "blank",
                             list(v->blank, v->nblank), "gaps", list(v->gap, v->ngap), "differ",
                             list(v->differ, v->ndiffer), "checksums", sums, "error",
                             err->code ? err->msg : NULL);
    json_dumpf(root, stdout, JSON_INDENT(1));
    putchar('\n');
    json_decref(root);
}

int cmd_verify(int argc, char **argv) {
    verify_request r = {0};
    int status = read_line(argc, argv, &r);
    if (r.help) {
        fputs(usage, stdout);
    } else if (!status) {
        pclean_verify_result found;
        pclean_err err = {0};
        const int rc = pclean_verify_image(r.image, r.nagainst ? r.against : NULL, r.nagainst,
                                           r.axis, r.full, r.allow_blank, &found, &err);
        if (r.json)
            print_json(&r, &found, &err);
        else if (!rc)
            printf("%s: %zu plane%s, all is well%s\n", r.image, found.nplane,
                   found.nplane == 1 ? "" : "s", found.nblank ? " (some are blank)" : "");
        if (rc)
            status = cli_library_error("verify", &err);
        pclean_verify_result_clear(&found);
    }
    free(r.against);
    return status;
}
