/* cmd_verify.c: check an image. */
#include "cli.h"
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
    pclean_verify_options options;
    bool json, help, in_list;
} verify_request;

static int set_flag(verify_request *r, cli_args *args) {
    static const char *const names[] = {"against", "full", "axis", "allow-blank",
                                        "json",    "help", NULL};
    r->in_list = false;
    if (strcmp(args->name, "axis") == 0) {
        const char *value = cli_args_value(args);
        char *end = NULL;
        r->options.axis = value ? (int)strtol(value, &end, 10) : -1;
        return value && end != value && !*end && r->options.axis >= 0
                   ? 0
                   : cli_usage_error("verify", "--axis: a number from 0 on");
    }
    if (strcmp(args->name, "against") == 0) {
        r->in_list = true;
        if (args->value)
            r->against[r->options.nagainst++] = args->value;
        return 0;
    }
    const cli_switch switches[] = {{"full", &r->options.full},
                                   {"allow-blank", &r->options.allow_blank},
                                   {"json", &r->json},
                                   {"help", &r->help},
                                   {NULL, NULL}};
    bool *on = cli_find_switch(switches, args->name);
    if (!on)
        return cli_unknown_flag("verify", args->name, names);
    *on = true;
    return args->value ? cli_usage_error("verify", "--%s takes no value", args->name) : 0;
}

static int read_line(int argc, char **argv, verify_request *r) {
    cli_args args;
    cli_args_init(&args, argc, argv);
    pclean_verify_options_init(&r->options, sizeof r->options);
    r->against = calloc((size_t)argc, sizeof *r->against);
    r->options.against = r->against;
    if (!r->against) {
        cli_print_error("out of memory");
        return CLI_FAILED;
    }
    while (cli_args_next(&args)) {
        int status = 0;
        if (*args.name)
            status = set_flag(r, &args);
        else if (r->image && r->in_list)
            r->against[r->options.nagainst++] = args.value;
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
    return (r->options.full || r->in_list) && r->options.nagainst == 0
               ? cli_usage_error("verify", "--against: which images should %s consist of?",
                                 r->image)
               : 0;
}

static int verify(const verify_request *r) {
    pclean_verify_result *found = NULL;
    pclean_err err = {0}, why = {0};
    char *json = NULL;
    int status = CLI_DONE;
    const int rc = pclean_verify_image(r->image, &r->options, &found, &err);
    if (r->json && found) {
        const int written = pclean_verify_json(found, &json, &why);
        status = cli_print_json("verify", written, json, &why);
    } else if (!rc) {
        printf("%s: %zu plane%s, all is well%s\n", r->image, found->nplane,
               found->nplane == 1 ? "" : "s", found->nblank ? " (some are blank)" : "");
    }
    if (rc)
        status = cli_library_error("verify", &err);
    pclean_verify_result_free(found);
    return status;
}

int cmd_verify(int argc, char **argv) {
    verify_request r = {0};
    int status = read_line(argc, argv, &r);
    if (r.help)
        fputs(usage, stdout);
    else if (!status)
        status = verify(&r);
    free(r.against);
    return status;
}
