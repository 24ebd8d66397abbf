/* error.h: how every fallible function of libpclean reports failure.
 *
 * A fallible function returns 0, or a negative code -PCLEAN_E..., and fills *err (its last
 * argument, which may be NULL) with one sentence: what failed, on what, and what to do. The record
 * is plain and of fixed size, so it can be copied through a pipe or a job file. A pointer that must
 * be given and is NULL is -PCLEAN_EPARAM; what may be NULL is said where it is declared. Functions
 * without an error (_init, _clear, _free) do nothing then. The library never prints, exits or
 * longjmps.
 *
 *     pclean_err err = {0};
 *     if (pclean_config_set(config, "niter", "many", &err))
 *         fprintf(stderr, "%s: %s\n", pclean_error_name(err.code), err.msg);
 *
 * How structs cross the border, so that a later version of the library can add to them and programs
 * built for an earlier one still run:
 *
 * Options are the caller's and begin with their size. TYPE_init(&options, sizeof options) sets it
 * and the defaults; an initializer {.size = sizeof options, ...} does where all defaults are zero,
 * which the struct says. A smaller size than the library's is that of an earlier version: what it
 * lacks has its default. A larger one is that of a later version: what this one lacks must be zero.
 * A size that cannot be one, such as 0, is -PCLEAN_EPARAM. Pointers in them are borrowed for the
 * call.
 *
 * Results are the library's: a function makes one, fills it, and hands it over through a TYPE **;
 * the caller reads it and frees it with TYPE_free, also after a failure (it is NULL then, or holds
 * what was found out, as the function says). They may grow at their end, so a program holds
 * pointers to them and no copies. The elements of arrays in them do not grow.
 *
 * Every result is JSON, too: TYPE_json(result, &text, &err) writes what the command's --json
 * prints (docs/json.md). The text is malloc'ed; the caller frees it with free(). Numbers have the
 * digits that read back to the same double; one that is not finite is null. */
#ifndef PCLEAN_ERROR_H
#define PCLEAN_ERROR_H

#ifdef __cplusplus
extern "C" {
#endif

/* Marks what the shared library shows; everything else in it is hidden. */
#define PCLEAN_API __attribute__((visibility("default")))

/* One list makes the enum and the names. X(symbol, what it means) */
#define PCLEAN_ERROR_LIST(X)                                                                       \
    X(PCLEAN_EPARAM, "parameter") /* a parameter is unknown, malformed or contradictory */         \
    X(PCLEAN_EDATA, "data") /* the input data cannot be used: not an MS, empty selection ... */    \
    X(PCLEAN_EIO, "input/output") /* a file could not be read or written */                        \
    X(PCLEAN_ENOSPC, "disk full") /* no space left for a product or scratch file */                \
    X(PCLEAN_EEXIST, "exists")    /* a product exists and may not be overwritten */                \
    X(PCLEAN_ENOMEM, "memory")    /* an allocation failed or a plan does not fit */                \
    X(PCLEAN_ECASA, "casacore")   /* casacore raised an exception; the message is its own */       \
    X(PCLEAN_EUNSUPPORTED, "not supported") /* a legal request that this version cannot serve */   \
    X(PCLEAN_EINTERRUPTED, "interrupted")   /* the caller's stop request was honoured */           \
    X(PCLEAN_EFAILED, "failed")      /* the run ended but part of its result is missing or bad */  \
    X(PCLEAN_EBUG, "internal error") /* a broken invariant of ours */

enum pclean_error_code {
    PCLEAN_OK = 0,
#define X(symbol, text) symbol,
    PCLEAN_ERROR_LIST(X)
#undef X
};

typedef struct pclean_err {
    int code;      /* 0 or a positive PCLEAN_E... */
    int line;      /* where it was raised */
    char file[40]; /* source file that raised it, without folders */
    char msg[976]; /* one sentence, UTF-8, NUL terminated */
} pclean_err;

/* Short English name of a code (sign ignored); static storage. Thread-safe. */
PCLEAN_API const char *pclean_error_name(int code);

#ifdef __cplusplus
}
#endif
#endif
