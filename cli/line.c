#include "line.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int no_memory(void) {
    fputs("pclean: error: out of memory\n", stderr);
    return CLI_FAILED;
}

int cli_line_error(const cli_line *line, const pclean_err *err) {
    int status = cli_library_error(line->command, err);
    return err->code == PCLEAN_ENOMEM ? status : CLI_USAGE;
}

void cli_line_clear(cli_line *line) {
    for (size_t i = 0; i < line->nsetting; i++) {
        free(line->setting[i].joined);
    }
    free(line->setting);
    free(line->preset);
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
static int add_setting(cli_line *line, const char *name, const char *value) {
    const bool grows = strcmp(name, "vis") == 0 || strcmp(name, "startmodel") == 0;
    bool more = false;
    for (size_t i = 0; i < line->nsetting; i++) {
        cli_setting *s = &line->setting[i];
        if (strcmp(s->name, name) == 0 && !grows) {
            s->value = value;
            free(s->joined);
            s->joined = NULL;
            line->growing = i + 1;
            return 0;
        }
        more = more || strcmp(s->name, name) == 0;
    }
    cli_setting *grown = realloc(line->setting, (line->nsetting + 1) * sizeof *grown);
    if (!grown) {
        return no_memory();
    }
    line->setting = grown;
    cli_setting *s = &line->setting[line->nsetting++];
    snprintf(s->name, sizeof s->name, "%s", name);
    s->value = value;
    s->more = more;
    s->joined = NULL;
    line->growing = line->nsetting;
    return 0;
}

/* The flags whose values the Python pclean separates by blanks. */
static bool is_list(const char *name) {
    static const char *const lists[] = {
        "vis", "imsize", "restfreq", "uvtaper", "scales", "restoringbeam", "pointingoffsetsigdev"};
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
        if (strcmp(name, lists[i]) == 0) {
            return true;
        }
    }
    return false;
}

/* One more value of the list: "['a', 'b']". */
static int add_value(cli_setting *s, const char *word) {
    const char *old = s->joined ? s->joined : s->value;
    const size_t n = strlen(old) + 2 * strlen(word) + 16;
    char *text = malloc(n), *to = text;
    if (!text) {
        return no_memory();
    }
    to += s->joined ? sprintf(to, "%.*s, '", (int)strlen(old) - 1, old)
                    : sprintf(to, "['%s', '", old);
    for (const char *c = word; *c; c++) {
        if (*c == '\'' || *c == '\\') {
            *to++ = '\\';
        }
        *to++ = *c;
    }
    strcpy(to, "']");
    free(s->joined);
    s->value = s->joined = text;
    return 0;
}

/* A flag that is not in the table: one of our own, misspelt, is said at once; another parameter of
 * tclean and what nobody knows are left to the library, with all other flags. */
static int take_other_flag(cli_line *line, cli_args *args) {
    const char *nearest = cli_nearest(args->name, line->own), *value = NULL;
    pclean_config *scratch = NULL;
    pclean_err err = {0};
    int rc = pclean_config_new(&scratch, &err);
    if (!rc) {
        const bool alone = pclean_config_set(scratch, args->name, NULL, &err) == 0;
        value = alone ? cli_args_bool(args) : cli_args_value(args);
        rc = pclean_config_set(scratch, args->name, value ? value : "", &err);
    }
    pclean_config_free(scratch);
    if (rc == -PCLEAN_EPARAM && nearest) {
        return cli_usage_error(line->command, "unknown flag --%s; did you mean --%s?", args->name,
                               nearest);
    }
    return add_setting(line, args->name, value);
}

static int add_preset(cli_line *line, const char *name) {
    if (!name) {
        return cli_usage_error(line->command,
                               "--preset needs a name; pclean image --list-presets shows them");
    }
    const char **grown = realloc(line->preset, (line->npreset + 1) * sizeof *grown);
    if (!grown) {
        return no_memory();
    }
    line->preset = grown;
    line->preset[line->npreset++] = name;
    return 0;
}

/* Served, or another one of tclean or of the Python pclean. */
static bool known_to_library(const char *name) {
    pclean_config *scratch = NULL;
    const bool known = known_parameter(name) || (pclean_config_new(&scratch, NULL) == 0 &&
                                                 pclean_config_set(scratch, name, "", NULL) == 0);
    pclean_config_free(scratch);
    return known;
}

/* --mix-columns is --mix_columns. */
static void accept_hyphens(char *name) {
    char other[sizeof((cli_args *)0)->name];
    snprintf(other, sizeof other, "%s", name);
    for (char *c = other; *c; c++) {
        *c = *c == '-' ? '_' : *c;
    }
    if (strcmp(name, other) != 0 && known_to_library(other)) {
        strcpy(name, other);
    }
}

static int take_file(cli_line *line, const char *name) {
    if (!name) {
        return cli_usage_error(line->command, "--pconfig needs the name of a file");
    }
    if (line->file) {
        return cli_usage_error(line->command,
                               "one configuration file at a time: \"%s\" and \"%s\" were given",
                               line->file, name);
    }
    line->file = name;
    return 0;
}

/* --no-pbcor is --pbcor false, --log-level DEBUG is --verbose. *taken: it was one of these. */
static int take_python_flag(cli_line *line, cli_args *args, bool *taken) {
    char name[sizeof args->name];
    snprintf(name, sizeof name, "%s", args->name + 3 * (strncmp(args->name, "no-", 3) == 0));
    accept_hyphens(name);
    *taken = true;
    if (strcmp(args->name, "pconfig") == 0) {
        return take_file(line, cli_args_value(args));
    }
    if (strcmp(args->name, "log-level") == 0) {
        const char *level = cli_args_value(args);
        return level && strcmp(level, "DEBUG") == 0 ? add_setting(line, "verbose", "true") : 0;
    }
    *taken = strncmp(args->name, "no-", 3) == 0 && !args->value && known_to_library(name);
    return *taken ? add_setting(line, name, "false") : 0;
}

static int take_flag(cli_line *line, cli_args *args) {
    bool taken;
    int status = take_python_flag(line, args, &taken);
    if (status || taken) {
        return status;
    }
    accept_hyphens(args->name);
    if (strcmp(args->name, "preset") == 0) {
        return add_preset(line, cli_args_value(args));
    }
    if (!known_parameter(args->name)) {
        return take_other_flag(line, args);
    }
    const char *value =
        pclean_config_is_bool(args->name) ? cli_args_bool(args) : cli_args_value(args);
    return value ? add_setting(line, args->name, value)
                 : cli_usage_error(line->command, "--%s needs a value", args->name);
}

static bool is_yaml(const char *word) {
    const char *dot = strrchr(word, '.');
    return dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

static int take_word(cli_line *line, cli_args *args) {
    const char *word = args->value;
    if (word[0] == '-') {
        return cli_usage_error(line->command,
                               "unknown flag %s; flags begin with two dashes, as --niter", word);
    }
    cli_setting *s = line->growing ? &line->setting[line->growing - 1] : NULL;
    if (s && s->value && is_list(s->name) && !is_yaml(word)) {
        return add_value(s, word);
    }
    bool follows_value = args->next > 3 && strncmp(args->argv[args->next - 3], "--", 2) == 0;
    if (follows_value && !is_yaml(word) && access(word, F_OK) != 0) {
        return cli_usage_error(
            line->command, "unexpected \"%s\"; lists are written with commas, as --imsize 512,256",
            word);
    }
    return take_file(line, word);
}

int cli_line_take(cli_line *line, cli_args *args) {
    line->growing = *args->name ? 0 : line->growing;
    return *args->name ? take_flag(line, args) : take_word(line, args);
}

/* ---- the configuration ---- */

/* The error of one more complaint: its lines below the others'. */
static int add_error(int rc, pclean_err *err, int status, const pclean_err *one) {
    if (rc == 0 || status == 0) {
        *err = rc == 0 ? *one : *err;
        return rc ? rc : status;
    }
    const size_t used = strlen(err->msg), left = sizeof err->msg - used - 1;
    if (left > 1) {
        snprintf(err->msg + used, left + 1, "\n%.*s", (int)left - 1, one->msg);
    }
    return rc;
}

/* All flags, so that everything that is wrong with them is said at once, a line each. */
static int apply_settings(const cli_line *line, pclean_config *config, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; i < line->nsetting && rc != -PCLEAN_ENOMEM; i++) {
        const cli_setting *s = &line->setting[i];
        pclean_err one = {0};
        int status = s->more ? pclean_config_append(config, s->name, s->value, &one)
                             : pclean_config_set(config, s->name, s->value, &one);
        rc = add_error(rc, err, status, &one);
    }
    return rc;
}

int cli_line_config(const cli_line *line, bool whole, pclean_config *config, pclean_err *err) {
    pclean_err one = {0};
    for (size_t i = 0; i < line->npreset; i++) {
        int rc = pclean_config_apply_preset(config, line->preset[i], err);
        if (rc) {
            return rc;
        }
    }
    const int file = line->file ? pclean_config_read_yaml(config, line->file, err) : 0;
    int status = apply_settings(line, config, &one);
    int rc = add_error(file, err, status, &one);
    /* a file that cannot be read says nothing about what is missing, nor does want of memory */
    if (file == 0 && rc != -PCLEAN_ENOMEM) {
        status = whole ? pclean_config_validate(config, &one) : pclean_config_served(config, &one);
        rc = add_error(rc, err, status, &one);
    }
    return rc;
}
