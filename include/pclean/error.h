/* error.h: how every fallible function of libpclean reports failure.
 *
 * A fallible function returns 0, or a negative code -PCLEAN_E..., and fills *err (its last
 * argument, which may be NULL) with one sentence: what failed, on what, and what to do. The record
 * is plain and of fixed size, so it can be copied through a pipe or a job file. A pointer that must
 * be given and is NULL is -PCLEAN_EPARAM; what may be NULL is said where it is declared. Functions
 * without an error (_init, _clear, _free) do nothing then. The library never prints, exits or
 * longjmps. */
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
