/* line.h: the part of a command line that makes a configuration: a file, presets, a flag for each
 * parameter. They count in the order defaults < presets < file < flags, whatever their order on the
 * line, so the line is first read whole, then applied in that order. What the Python pclean writes
 * otherwise is taken, too: --pconfig FILE, --no-pbcor, --imsize 512 512, --cluster-type,
 * --slurm-queue, --log-level. */
#ifndef CLI_LINE_H
#define CLI_LINE_H
#include "cli.h"

typedef struct cli_setting {
    char name[64];
    const char *value; /* of the command line; NULL: none */
    bool more;         /* adds to a list that an earlier flag began */
    char *joined;      /* owned: the value, where several words make a list */
} cli_setting;

typedef struct cli_line {
    const char *command; /* the subcommand, and its own flags (ends with NULL), for the hints
                          * of errors; set by the caller */
    const char *const *own;
    const char *file;    /* NULL: none */
    const char **preset; /* in order */
    size_t npreset;
    cli_setting *setting; /* in their order */
    size_t nsetting;
    size_t growing; /* number of the setting whose list goes on, from 1; 0: none */
} cli_line;

/* Takes what cli_args_next has found; 0, or an exit status after an error was printed. */
int cli_line_take(cli_line *line, cli_args *args);

/* What the line says, set in a config that holds the defaults. All that is wrong with the flags is
 * in one error, with what this version lacks and, if `whole`, with what pclean_config_validate
 * finds. */
int cli_line_config(const cli_line *line, bool whole, pclean_config *config, pclean_err *err);

/* Prints an error of a configuration: all that is wrong before a run starts is wrong usage, a
 * missing file too. */
int cli_line_error(const cli_line *line, const pclean_err *err);

void cli_line_clear(cli_line *line);

#endif
