/* run.h: make an image. One call per run; the config says what, the hooks hear what happens, the
 * result says what became of every channel.
 *
 *     pclean_result *result = NULL;
 *     int rc = pclean_image(config, NULL, &result, &err);     // config: see config.h
 *     if (rc)
 *         fprintf(stderr, "%s\n", err.msg);
 *     for (size_t i = 0; result && i < result->nchan * result->npol; i++)
 *         printf("channel %zu: %d iterations\n", result->plane[i].chan, result->plane[i].niter);
 *     pclean_result_free(result);
 *
 * Thread-safe: each thread of a program may run one at a time; its log, progress, memory and CPU
 * time are its own. Of two runs of one imagename the second is refused. Runs at a time do not know
 * of each other's memory and cores: set memory, nworkers and threads.
 *
 * Workers are forked, unless the process has other threads, which a fork would leave behind with
 * their locks taken: then they are processes of the program pclean-worker, which find the
 * visibilities in a scratch file (`scratch`). Where that is not installed there is one worker, and
 * the log says so.
 *
 * casacore is in a process of its own, the program pclean-casa: beside the library, in
 * ../libexec/pclean from there, or what the environment's PCLEAN_CASA names. What the program that
 * calls does with signals, its children and its standard files does no harm; where it takes the end
 * of our processes away (waitpid(-1), SIGCHLD ignored) a message cannot say how they died. */
#ifndef PCLEAN_RUN_H
#define PCLEAN_RUN_H
#include "pclean/config.h"
#include "pclean/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Why a channel's CLEAN ended; numbers 0-9 are tclean's stop codes, ours follow. X(symbol, number,
 * text) */
#define PCLEAN_STOP_LIST(X)                                                                        \
    X(PCLEAN_STOP_NONE, 0, "not cleaned")                                                          \
    X(PCLEAN_STOP_NITER, 1, "iteration limit")                                                     \
    X(PCLEAN_STOP_THRESHOLD, 2, "threshold")                                                       \
    X(PCLEAN_STOP_FORCED, 3, "zero iterations")                                                    \
    X(PCLEAN_STOP_NOCHANGE, 4, "no change in peak residual")                                       \
    X(PCLEAN_STOP_DIVERGED_STEP, 5, "diverged: peak over 4 x the previous one")                    \
    X(PCLEAN_STOP_DIVERGED_MIN, 6, "diverged: peak over 4 x its minimum")                          \
    X(PCLEAN_STOP_ZEROMASK, 7, "empty mask")                                                       \
    X(PCLEAN_STOP_NSIGMA, 8, "n-sigma threshold")                                                  \
    X(PCLEAN_STOP_NMAJOR, 9, "major cycle limit")                                                  \
    X(PCLEAN_STOP_BLANK, 20, "no data")                                                            \
    X(PCLEAN_STOP_FAILED, 21, "failed")                                                            \
    X(PCLEAN_STOP_NOT_FINITE, 22, "not finite")                                                    \
    X(PCLEAN_STOP_DIVERGED_MINOR, 23, "diverged: minor cycles raise the peak")                     \
    X(PCLEAN_STOP_NOISE, 24, "noise alone, not cleaned")

enum pclean_stop {
#define X(symbol, number, text) symbol = number,
    PCLEAN_STOP_LIST(X)
#undef X
};
PCLEAN_API const char *pclean_stop_text(int stop); /* static storage */

/* What happened to one plane (a channel and Stokes pair). */
typedef struct pclean_plane {
    size_t chan, pol; /* from 0; pol counts the planes that `stokes` asks for */
    double freq_hz;   /* centre, in outframe */
    uint64_t nvis;    /* gridded visibility samples; 0: the plane is blank */
    double sumwt;     /* sum of their imaging weights, in the unit of WEIGHT (natural), as .sumwt */
    /* Full widths at half maximum and position angle, from north through east, of the Gaussian
     * fitted to the PSF; 0: there is none. */
    double beam_major_rad, beam_minor_rad, beam_pa_rad;
    double psf_sidelobe;              /* the largest, of the PSF's peak */
    double peak_dirty, peak_residual; /* Jy/beam, largest |.| inside mask and pblimit: before the
                                       * first minor cycle, and at the end */
    double rms_residual;              /* Jy/beam, 1.4826 * MAD over the plane */
    double model_flux;                /* Jy, sum of the model */
    int niter;       /* iterations of CLEAN as tclean counts them; planes that are cleaned together
                     * (deconvolver clark) each have the channel's */
    int nmajor;      /* major cycles, the first, which makes the dirty image, among them */
    int stop;        /* enum pclean_stop */
    double seconds;  /* of the worker that made it; of planes that are cleaned together an equal
                     * share */
    bool noise_only; /* the dirty peak is below noiselimit times the rms */
    int nretry;      /* times that CLEAN diverged, and went on from its best residual */
} pclean_plane;

/* One minor cycle of a plane: tclean's summaryminor, whose names these are. Iterations are counted
 * as the cyclecontrol does: of the plane, or of all planes in their order. Cycles that CLEAN went
 * back on (nretry) are there too. */
typedef struct pclean_cycle {
    size_t chan, pol;
    int icycle;                                             /* of the plane, from 0 */
    uint64_t cycle_start_iters, start_iter_done, iter_done; /* done when the round began; when the
                                                            * plane's turn came; in this cycle */
    uint64_t masksum;                                       /* pixels where CLEAN looks */
    float start_peak_res, peak_res;       /* Jy/beam, |.| inside the mask, before and after */
    float start_model_flux, model_flux;   /* Jy */
    float start_peak_res_nm, peak_res_nm; /* the peaks without the user's mask */
    float cycle_thresh;                   /* Jy/beam, n-sigma not counted */
    int stop_code; /* 1 cycleniter, 2 cyclethreshold, 3 no iteration, 4 possible divergence, 5 left
                    * early, 6 n-sigma threshold */
} pclean_cycle;

/* A stage of a run, and how long it took by the clock. */
typedef struct pclean_stage_time {
    char name[16]; /* "open", "read", "create", "image", "publish" */
    double seconds;
} pclean_stage_time;

/* A MeasurementSet that was read. */
typedef struct pclean_result_ms {
    char *path, *column; /* "DATA" ... */
    uint64_t rows;       /* selected, without autocorrelations */
    uint64_t autocorrelations_left_out;
    char *telescope;
} pclean_result_ms;

/* What a Stokes plane was made of. */
typedef struct pclean_result_stokes {
    char *plane;            /* "I" */
    uint64_t rows;          /* that could give it */
    uint64_t rows_left_out; /* that could not */
    char *left_out_hold;    /* the correlations that those have */
} pclean_result_stokes;

/* All of it is the library's; texts, lists and arrays too. NULL and 0 where the run has not come so
 * far. */
typedef struct pclean_result {
    size_t nchan, npol;
    double restfreq_hz;  /* restfreq_from says whose it is */
    pclean_plane *plane; /* [nchan][npol] */
    int stop;        /* enum pclean_stop, one for the run: of the planes' the one that most needs
                          * attention */
    char **product;  /* NULL-terminated list of what was written, .run.json last */
    size_t nsubcube; /* of each product, NAME.subcube.0 ... ; 0: none */
    char **warning;  /* NULL-terminated */
    double seconds, cpu_seconds; /* by the clock; CPU time of all processes */
    uint64_t ms_bytes_read;      /* by this process while it read the MeasurementSets */
    uint64_t ms_column_bytes;    /* size of the files that hold the columns that are read */
    uint64_t peak_memory_bytes;  /* anonymous memory (which nothing can evict) of all processes
                                 * together, */
    uint64_t plan_memory_bytes, limit_memory_bytes; /* what was planned, and what the run might
                                                     * use */
    uint64_t plan_mapped_bytes;  /* of a scratch file, whose pages can be evicted, apart */
    char limit_memory_from[160]; /* which limit that is */
    bool store_in_file;          /* the visibilities were in a scratch file, not in memory */
    int nworkers, nthreads;      /* processes that imaged, threads of each */
    /* Samples of the rows and channels that were read, summed over the Stokes planes that the rows
     * can give. flagged: or without weight; absurd: beyond what single precision can add up */
    uint64_t nvis_used, nvis_flagged, nvis_nonfinite, nvis_absurd;
    size_t nstage;
    pclean_stage_time stage[16]; /* [nstage] */
    char version[16], casacore_version[32];
    char started[32], finished[32]; /* "2025-01-31T12:00:00Z"; finished: when the record was
                                     * made */
    char *config;                   /* as pclean_config_dump_json writes it */
    size_t nms;
    pclean_result_ms *ms;     /* [nms] */
    double first_hz, step_hz; /* centre of channel 0; from one to the next */
    char restfreq_from[48];   /* "restfreq", "SOURCE.REST_FREQUENCY", or "middle of the selected
                               * data", which is no rest frequency to show velocities with */
    size_t nstokes;
    pclean_result_stokes *stokes; /* [nstokes], which is npol */
    char **without_effect; /* NULL-terminated: parameters that are set and count for nothing, and
                            * why */
    /* the beam of all restored planes (restoringbeam of a given size, or common); 0: each has its
     * fitted one */
    double restoring_major_rad, restoring_minor_rad, restoring_pa_rad;
    /* what tclean returns besides */
    uint64_t iterdone;     /* iterations, of all planes together */
    int nmajordone;        /* major cycles of the plane that had most */
    double cyclethreshold; /* Jy/beam, of a cycle that would follow, threshold not counted */
    double maxpsfsidelobe;
    bool fullsummary;               /* the JSON has all fields of cycle */
    size_t ncycle, ncycle_left_out; /* beyond the memory planned for them the latest are left out */
    pclean_cycle *cycle;            /* [ncycle], by channel, polarization and time */
} pclean_result;
PCLEAN_API void pclean_result_free(pclean_result *result); /* NULL: nothing */

/* *json: what NAME.run.json holds, the record of the run, and the list of products; the caller
 * frees it with free(). After a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_result_json(const pclean_result *result, char **json, pclean_err *err);

/* Reports of a run in progress. Strings and plane are borrowed for the call. */
typedef struct pclean_progress {
    const char *stage;             /* "read", "image"; with cyclecontrol=global "dirty", "clean" and
                                    * "restore" instead */
    double fraction;               /* of the whole run, 0 to 1 */
    size_t done, total;            /* units of the stage: rows, channels */
    const char *unit;              /* "rows", "planes" */
    double elapsed_s, remaining_s; /* remaining_s < 0: not known yet */
    const pclean_plane *plane;     /* NULL, or the plane that has just been finished */
} pclean_progress;

enum pclean_level { PCLEAN_LEVEL_DEBUG, PCLEAN_LEVEL_INFO, PCLEAN_LEVEL_WARNING };
/* All defaults are zero. The callbacks are called in the thread of the caller. */
typedef struct pclean_hooks {
    size_t size;
    void (*progress)(const pclean_progress *p, void *user);             /* NULL: none */
    void (*log)(enum pclean_level level, const char *text, void *user); /* NULL: none */
    /* Polled often; a non-zero answer ends the run with -PCLEAN_EINTERRUPTED, no product under a
     * final name. NULL: never. */
    int (*stop_requested)(void *user);
    void *user;
    /* After each minor cycle and the major cycle that follows, in any order of planes. A plane
     * whose worker died begins anew, and is heard of again. NULL: none. Borrowed for the call. */
    void (*cycle)(const pclean_cycle *c, void *user);
} pclean_hooks;
PCLEAN_API void pclean_hooks_init(pclean_hooks *hooks, size_t size); /* size: sizeof *hooks */

/* Threads: OpenMP's. A program that shares its machine should be started with GOMP_SPINCOUNT=1000,
 * as the pclean command does for itself: waiting threads then soon sleep. Afterwards the number of
 * threads is again what the caller had set.
 *
 * Validates, images, writes the products NAME.psf ... and, last, NAME.run.json. hooks NULL: none.
 * *result holds, also after a failure, what became of the run as far as it got; it is NULL where
 * the arguments are wrong. Errors: -PCLEAN_EPARAM and -PCLEAN_EUNSUPPORTED for a configuration that
 * pclean_config_validate refuses; -PCLEAN_EDATA for data that cannot be imaged; -PCLEAN_EEXIST for
 * products that exist; -PCLEAN_EIO, -PCLEAN_ENOSPC, -PCLEAN_ENOMEM, -PCLEAN_ECASA;
 * -PCLEAN_EINTERRUPTED. A run with failed planes returns -PCLEAN_EFAILED with its good planes
 * written. */
PCLEAN_API int pclean_image(const pclean_config *config, const pclean_hooks *hooks,
                            pclean_result **result, pclean_err *err);

/* "0.1.0" of the library that is loaded; static storage. */
PCLEAN_API const char *pclean_version(void);

#ifdef __cplusplus
}
#endif
#endif
