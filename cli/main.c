/* main.c: the table of subcommands. */
#include "cli.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *summary;
} commands[] = {
    {"image", cmd_image, "make a CLEAN image or spectral cube from MeasurementSets"},
    {"concat", cmd_concat, "join images along an axis: the sub-cubes of a cube, or any others"},
    {"verify", cmd_verify, "check an image: blank or NaN planes, gaps, what it should consist of"},
    {"plot", cmd_plot, "draw an image as a PNG: channel maps, integrated spectrum"},
    {"config", cmd_config, "print the table of parameters: as text, Markdown or YAML"},
    {"plan", cmd_plan, "what pclean image would do and take, without doing it"},
    {"partition", cmd_partition, "cut an image into parts that are made one by one"},
    {"mem", cmd_mem, "estimate the memory of imaging, and how many workers fit"},
    {"adios2", cmd_adios2, "MeasurementSets in ADIOS2 files: check, convert, split, restore"},
};
#define NCOMMAND (sizeof commands / sizeof *commands)

static void print_help(void) {
    fputs("pclean: CLEAN imaging of radio interferometer data, with tclean's parameters.\n"
          "\n"
          "Usage: pclean COMMAND [ARGUMENTS]\n"
          "\n"
          "A spectral cube of a line, then a picture of it:\n"
          "  pclean image --vis my.ms --imagename line --specmode cube \\\n"
          "      --imsize 512 --cell 0.4arcsec --weighting briggs --robust 0.5 \\\n"
          "      --restfreq 115.2712GHz --niter 1000 --threshold 5mJy\n"
          "  pclean plot line.image\n"
          "\n"
          "The same from a file that keeps the parameters, one of them changed:\n"
          "  pclean image line.yaml --robust 0\n"
          "\n"
          "Commands:\n",
          stdout);
    for (size_t i = 0; i < NCOMMAND; i++) {
        printf("  %-9s %s\n", commands[i].name, commands[i].summary);
    }
    fputs("\n"
          "  pclean COMMAND --help   usage, examples, parameters\n"
          "  pclean --version        version\n"
          "\n"
          "Results go to standard output, the log to standard error.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage.\n",
          stdout);
}

static int unknown_command(const char *word) {
    if (strcmp(word, "submit") == 0) { /* the Python pclean's */
        return cli_usage_error("", "no jobs are sent to Slurm by this version: run pclean image "
                                   "CONFIG.yaml inside a job of your own; it keeps to its limits");
    }
    const char *names[NCOMMAND + 1] = {0};
    for (size_t i = 0; i < NCOMMAND; i++) {
        names[i] = commands[i].name;
    }
    const char *nearest = cli_nearest(word, names);
    return nearest
               ? cli_usage_error("", "unknown command \"%s\"; did you mean \"%s\"?", word, nearest)
               : cli_usage_error("", "unknown command \"%s\"", word);
}

static int dispatch(int argc, char **argv) {
    if (argc < 2) {
        return cli_usage_error(
            "", "which command? For example: pclean image --vis my.ms --imagename my");
    }
    const char *word = argv[1];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 ||
        (strcmp(word, "help") == 0 && argc == 2)) {
        print_help();
        return CLI_DONE;
    }
    if (strcmp(word, "--version") == 0) {
        printf("pclean %s\n", pclean_version());
        return CLI_DONE;
    }
    if (strncmp(word, "--", 2) == 0) { /* as the Python pclean is called: flags alone */
        return cmd_image(argc, argv);
    }
    bool help = strcmp(word, "help") == 0; /* "pclean help image" */
    char *help_argv[] = {argv[1], "--help", NULL};
    for (size_t i = 0; i < NCOMMAND; i++) {
        if (strcmp(commands[i].name, help ? argv[2] : word) == 0) {
            return help ? commands[i].run(2, help_argv) : commands[i].run(argc - 1, argv + 1);
        }
    }
    return unknown_command(help ? argv[2] : word);
}

/* A reader that went away is no failure of a run; a full disk behind standard output is. */
static int finish_stdout(int status) {
    bool bad = fflush(stdout) != 0 || ferror(stdout);
    if (!bad || errno == EPIPE) {
        return status;
    }
    fprintf(stderr, "pclean: error: cannot write to standard output: %s\n", strerror(errno));
    return status ? status : CLI_FAILED;
}

/* A closed standard stream would be the number of the next file opened, and the log would be
 * written into it. */
static void open_standard_streams(void) {
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF && open("/dev/null", O_RDWR) != fd) {
            _exit(CLI_FAILED);
        }
    }
}

/* Threads that wait for each other should soon sleep, not spin: on a machine that others use too a
 * spinning thread takes the processor from the one it waits for. Waits are short and many, though,
 * and waking a sleeper takes longer than most of them. Measured on 2 cores, dirty mfs image with
 * two threads, idle machine and a load of 5: without spinning 1.23 s and 3.9 s, with 1000 turns
 * (some 20 us) 1.08 s and 4.3 s, with 10000 turns 1.02 s and 5.7 s. libgomp reads its environment
 * when it is loaded, before main, so the command starts itself again: 20 ms. A setting of the
 * user's own is kept. */
static void let_threads_soon_sleep(char **argv) {
    if (getenv("OMP_WAIT_POLICY") || getenv("GOMP_SPINCOUNT") ||
        setenv("GOMP_SPINCOUNT", "1000", 1))
        return;
    execv("/proc/self/exe", argv); /* where that fails, all is as before */
}

/* casacore asks for the current folder before main begins, and aborts where it has no name, or a
 * long one. What stands in this section of a program comes before that. */
static void look_at_folder(int argc, char **argv, char **environment) {
    static const char message[] = "pclean: error: the current folder is gone, or its name has more "
                                  "than 1023 characters; cd to another one\n";
    char name[1024];
    (void)argc, (void)argv, (void)environment;
    if (getcwd(name, sizeof name))
        return;
    if (write(2, message, sizeof message - 1) < 0)
        _exit(CLI_FAILED);
    _exit(CLI_FAILED);
}
__attribute__((section(".preinit_array"),
               used)) static void (*const first)(int, char **, char **) = look_at_folder;

int main(int argc, char **argv) {
    static const char *const threaded[] = {"image", "plan"};
    for (size_t i = 0; argc > 1 && i < sizeof threaded / sizeof *threaded; i++)
        if (strcmp(argv[1], threaded[i]) == 0 || strncmp(argv[1], "--", 2) == 0)
            let_threads_soon_sleep(argv);
    open_standard_streams();
    cli_abort_catch();
    signal(SIGXFSZ, SIG_IGN); /* a limit on the size of files is an error like a full disk */
    return cli_end(finish_stdout(dispatch(argc, argv)));
}
