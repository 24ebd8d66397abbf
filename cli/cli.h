/* cli.h: what the subcommands share. The command uses the public API only. */
#ifndef CLI_H
#define CLI_H
#include "pclean.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Exit statuses, the same for every subcommand. */
enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

/* argv[0] is the subcommand's own name. Return an exit status. */
int cmd_image(int argc, char **argv);
int cmd_config(int argc, char **argv);
int cmd_plot(int argc, char **argv);
int cmd_mem(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_partition(int argc, char **argv);
int cmd_concat(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_adios2(int argc, char **argv);

/* What `pclean partition` prints. */
void cli_partition_print(const pclean_partition *partition);

/* Prints the text that a pclean_..._json made, which `rc` says, and frees it; an exit status. */
int cli_print_json(const char *command, int rc, char *json, const pclean_err *err);

/* The value of a parameter as text, cut to `size` bytes; "" without memory for it. */
void cli_config_text(const pclean_config *config, const char *name, char *buf, size_t size);
bool cli_config_is(const pclean_config *config, const char *name, const char *value);

/* Wrong usage: "pclean: error: ..." and where to read on; returns CLI_USAGE. */
int cli_usage_error(const char *command, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "pclean: error: TEXT" on standard error; further lines of the text are indented. */
void cli_print_error(const char *text);

/* Prints a failure of the library; returns CLI_USAGE (with a hint) for a bad parameter, else
 * CLI_FAILED. */
int cli_library_error(const char *command, const pclean_err *err);

/* The exit status of a long run that ended with this code of the library. */
int cli_run_status(int rc);

/* Prints the failure of a long run. */
void cli_print_run_error(const pclean_err *err);

/* Where a library ends the command before cli_end (FFTW and libgomp do when they get no memory)
 * there is a sentence, too. cli_end gives the status back. */
void cli_abort_catch(void);
int cli_end(int status);

/* Ctrl-C and kill ask a long run to stop; a second one kills. */
void cli_stop_catch(void);
int cli_stop_requested(void);

/* The word of a NULL-terminated list nearest to a mistyped one; NULL when none is near. */
const char *cli_nearest(const char *word, const char *const *list);

/* Wrong usage: a flag that is none of `list`; names the nearest one. Returns CLI_USAGE. */
int cli_unknown_flag(const char *command, const char *name, const char *const *list);

/* A flag that takes no value, and what it turns on. */
typedef struct cli_switch {
    const char *name; /* NULL ends a list */
    bool *on;
} cli_switch;
/* NULL: none of them. */
bool *cli_find_switch(const cli_switch *list, const char *name);

/* Columns of the terminal behind a file descriptor (COLUMNS, then the terminal's own), or
 * `otherwise`. */
int cli_columns(int fd, int otherwise);

/* "3.1 GiB" */
void cli_bytes_text(uint64_t bytes, char *buf, size_t size);

/* A walk along the command line: flags are --NAME VALUE or --NAME=VALUE, or --NAME alone where no
 * value is needed. */
typedef struct cli_args {
    int argc, next;
    char **argv;
    char name[64];     /* of the present flag, without dashes; "" for a word that is no flag */
    const char *value; /* after '=', or the word itself; NULL when there is none yet */
} cli_args;

void cli_args_init(cli_args *args, int argc, char **argv);
/* Takes the next argument; false at the end. "-h" counts as --help. */
bool cli_args_next(cli_args *args);
/* The value of the present flag, taking the following word if there was no '='; NULL when there is
 * none. A value may begin with one dash (--nchan -1), not with two. */
const char *cli_args_value(cli_args *args);
/* The same for a flag that may stand alone: the following word is taken only if it reads true,
 * false, yes, no, on, off, 1 or 0. */
const char *cli_args_bool(cli_args *args);

#endif
