/* cmd_config.c: the table of parameters, for people, for docs, for a first configuration file. */
#include "cli.h"
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int print_text(pclean_err *err) {
    return pclean_config_print_help(stdout, cli_columns(STDOUT_FILENO, 100), err);
}

static int print_markdown(pclean_err *err) {
    return pclean_config_print_markdown(stdout, err);
}

static int print_defaults(pclean_err *err) {
    pclean_config *config = NULL;
    int rc = pclean_config_new(&config, err);
    rc = rc ? rc : pclean_config_dump_yaml(config, stdout, err);
    pclean_config_free(config);
    return rc;
}

static int print_presets(pclean_err *err) {
    return pclean_config_list_presets(stdout, err);
}

static int print_usage(pclean_err *err);

static const struct form {
    const char *flag;
    int (*print)(pclean_err *err);
    const char *meaning;
} forms[] = {
    {"text", print_text, "every parameter: name, type, default, unit, choices, meaning (default)"},
    {"markdown", print_markdown, "the same as Markdown, for docs"},
    {"dump", print_defaults, "the defaults as YAML, a configuration file to start from"},
    {"list-presets", print_presets, "the presets that --preset knows"},
    {"help", print_usage, "this text"},
};
#define NFORM (sizeof forms / sizeof *forms)

static int print_usage(pclean_err *err) {
    (void)err;
    fputs("pclean config: the table of parameters.\n\nUsage: pclean config [FORM]\n\n", stdout);
    for (size_t i = 0; i < NFORM; i++) {
        printf("  --%-14s %s\n", forms[i].flag, forms[i].meaning);
    }
    fputs("\nExample: pclean config --dump > my.yaml, then edit it, then pclean image my.yaml\n",
          stdout);
    return 0;
}

static const struct form *find_form(const char *name) {
    for (size_t i = 0; i < NFORM; i++) {
        if (strcmp(forms[i].flag, name) == 0) {
            return &forms[i];
        }
    }
    return NULL;
}

static int unknown_form(const cli_args *args) {
    const char *names[NFORM + 1] = {0};
    for (size_t i = 0; i < NFORM; i++) {
        names[i] = forms[i].flag;
    }
    const char *nearest = *args->name ? cli_nearest(args->name, names) : NULL;
    return nearest
               ? cli_usage_error("config", "unknown flag --%s; did you mean --%s?", args->name,
                                 nearest)
               : cli_usage_error("config", "unknown argument \"%s\"", args->argv[args->next - 1]);
}

int cmd_config(int argc, char **argv) {
    const struct form *form = &forms[0];
    cli_args args;
    cli_args_init(&args, argc, argv);
    while (cli_args_next(&args)) {
        form = *args.name && !args.value ? find_form(args.name) : NULL;
        if (!form) {
            return unknown_form(&args);
        }
    }
    pclean_err err = {0};
    return form->print(&err) ? cli_library_error("config", &err) : CLI_DONE;
}
