/* cmd_plot.c: a picture of an image. */
#include "cli.h"
#include "pclean/plot.h"
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "pclean plot: draw an image as a PNG file.\n"
    "\n"
    "Usage: pclean plot IMAGE [--output FILE.png] [--title TEXT] [--field ANGLE] [--panels N] "
    "[--size WxH]\n"
    "\n"
    "A cube becomes channel maps of the channels with emission, a map of the integrated\n"
    "intensity, and the spectrum summed over the region of significant emission, which is\n"
    "outlined; a single plane becomes one map. IMAGE is any CASA image. Masked pixels are grey.\n"
    "\n"
    "  --output FILE.png  where to write (default: IMAGE.png); an existing PNG file is replaced\n"
    "  --title TEXT       title (default: object and telescope)\n"
    "  --field ANGLE      width of the maps on the sky, e.g. 20arcmin (default: holds the "
    "emission)\n"
    "  --panels N         channel maps at most (default: 25)\n"
    "  --size WxH         pixels of the picture (default: 2000x1125; one map: 1300x1180)\n"
    "\n"
    "Example: pclean plot line.image --title \"NGC 5921, HI\" --output ngc5921.png\n"
    "The name of the picture is printed on standard output. Exit status: 0 done, 1 failed, 2 wrong "
    "usage.\n";

typedef struct plot_request {
    const char *image;
    char output[PATH_MAX];
    pclean_plot_options options;
} plot_request;

static int set_output(plot_request *r, const char *value) {
    size_t n = (size_t)snprintf(r->output, sizeof r->output, "%s", value);
    return n > 0 && n < sizeof r->output ? 0 : cli_usage_error("plot", "--output: not a file name");
}

static int set_title(plot_request *r, const char *value) {
    r->options.title = value;
    return 0;
}

static int set_field(plot_request *r, const char *value) {
    r->options.field = value;
    return 0;
}

static int set_panels(plot_request *r, const char *value) {
    char *end;
    long n = strtol(value, &end, 10);
    if (*end || end == value || n < 1 || n > 100) {
        return cli_usage_error("plot", "--panels: a number from 1 to 100, not \"%s\"", value);
    }
    r->options.max_panels = (size_t)n;
    return 0;
}

static int set_size(plot_request *r, const char *value) {
    char rest;
    if (sscanf(value, "%dx%d%c", &r->options.width, &r->options.height, &rest) != 2) {
        return cli_usage_error(
            "plot", "--size: two numbers of pixels such as 2000x1125, not \"%s\"", value);
    }
    return 0;
}

static const struct flag {
    const char *name;
    int (*set)(plot_request *r, const char *value);
} flags[] = {{"output", set_output},
             {"title", set_title},
             {"field", set_field},
             {"panels", set_panels},
             {"size", set_size}};
#define NFLAG (sizeof flags / sizeof *flags)

static int set_flag(plot_request *r, cli_args *args) {
    const char *names[NFLAG + 1] = {0};
    for (size_t i = 0; i < NFLAG; i++) {
        names[i] = flags[i].name;
        if (strcmp(flags[i].name, args->name) == 0) {
            const char *value = cli_args_value(args);
            return value ? flags[i].set(r, value)
                         : cli_usage_error("plot", "--%s needs a value", args->name);
        }
    }
    return cli_unknown_flag("plot", args->name, names);
}

static int set_image(plot_request *r, const char *word) {
    if (r->image) {
        return cli_usage_error("plot", "one image at a time: \"%s\" and \"%s\" were given",
                               r->image, word);
    }
    r->image = word;
    return 0;
}

static int default_output(plot_request *r) {
    size_t n = strlen(r->image);
    while (n > 1 && r->image[n - 1] == '/') {
        n--;
    }
    size_t length = (size_t)snprintf(r->output, sizeof r->output, "%.*s.png", (int)n, r->image);
    return length < sizeof r->output ? 0
                                     : cli_usage_error("plot", "the name of the image is too long");
}

int cmd_plot(int argc, char **argv) {
    plot_request r = {0};
    pclean_plot_options_init(&r.options, sizeof r.options);
    cli_args args;
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        if (strcmp(args.name, "help") == 0) {
            fputs(usage, stdout);
            return CLI_DONE;
        }
        int status = *args.name ? set_flag(&r, &args) : set_image(&r, args.value);
        if (status) {
            return status;
        }
    }
    if (!r.image) {
        return cli_usage_error("plot", "which image?");
    }
    if (!*r.output && default_output(&r)) {
        return CLI_USAGE;
    }
    pclean_err err = {0};
    if (pclean_plot_cube(r.image, r.output, &r.options, &err)) {
        return cli_library_error("plot", &err);
    }
    printf("%s\n", r.output);
    return CLI_DONE;
}
