/* adios2.h: MeasurementSets with columns in ADIOS2 files, which casacore reads through the storage
 * manager Adios2StMan.
 *
 *     int rc = pclean_adios2_convert("my.ms", "my_adios2.ms", NULL, NULL, &err);
 *
 * pclean brings the manager as a plug-in for casacore 3.5 and uses it by itself; for other programs
 * on casacore set CASACORE_LDPATH to pclean_adios2_info.plugin. pclean_image images such an MS as
 * any other, with the same result.
 *
 * BP4 is the default engine, as in the Python pclean. BP5 writes with less copying and less memory,
 * and its files open faster when they have many blocks; take it unless a program needs BP4.
 * (casacore's own Adios2StMan cannot read BP5 with ADIOS2 2.12.)
 *
 * Thread-safe: each thread has a process for casacore. All functions may be called again at once
 * after a failure. */
#ifndef PCLEAN_ADIOS2_H
#define PCLEAN_ADIOS2_H
#include "pclean/error.h"
#include "pclean/run.h"
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- what there is ---- */

typedef struct pclean_adios2_info {
    bool supported;          /* a table was made, written, opened again and read */
    char reason[1000];       /* why not; "" if supported */
    char plugin[1024];       /* folder of the plug-in, for CASACORE_LDPATH; "": pclean has
                              * none */
    char adios2_version[32]; /* "2.12.1" */
    char engines[32];        /* "BP4 BP5" */
    char casacore_version[32];
    char casacore_library[1024];
    char casacore_origin[160];  /* "Debian package libcasa-tables7", "conda", "own build" */
    char casatools_version[64]; /* of the Python or conda environment that is active; "": none */
    char casatools_origin[16];  /* "conda" or "pip" */
    char casatools_build[128];  /* conda's build string, which tells nompi from mpi; "" otherwise */
    char casatools_channel[256], casatools_subdir[32];
    char casatools_folder[1024]; /* where its record was found */
} pclean_adios2_info;
PCLEAN_API void pclean_adios2_info_free(pclean_adios2_info *info); /* NULL: nothing */
/* *json to be freed with free(); after a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_adios2_json(const pclean_adios2_info *info, char **json, pclean_err *err);

/* Finds out *info, which is NULL after a failure. The throw-away table `_pclean_adios2_probe.tab`
 * is made in TMPDIR (/tmp) under a number of its own; cleanup false leaves it there. What is not
 * supported is no error, but -PCLEAN_EIO where no table can be made at all. */
PCLEAN_API int pclean_adios2_check(bool cleanup, pclean_adios2_info **info, pclean_err *err);

/* Whether a column of the MS (or any table) is under Adios2StMan. *columns NULL or their names,
 * NULL-terminated, to be freed with pclean_adios2_free_list. engine NULL or room for 32: "BP4",
 * "BP5". A table that does not exist is -PCLEAN_EIO. */
PCLEAN_API int pclean_adios2_uses(const char *ms, bool *uses, char ***columns, char *engine,
                                  pclean_err *err);
PCLEAN_API void pclean_adios2_free_list(char **list);

/* OpenMP regions that begin after this have one thread: OMP_NUM_THREADS for processes started
 * later, omp_set_num_threads for this one. For programs whose OpenMP threads read ADIOS2-backed
 * tables; pclean's do not. */
PCLEAN_API void pclean_adios2_force_omp_single_thread(void);

/* ---- conversion ---- */

/* Texts in the columns that move up to which each is stored as casacore's own Adios2StMan does; a
 * column that would make more is packed, and only pclean's manager can read it. Without that ADIOS2
 * needs 2 kB of memory for each text, in every program that opens the table. */
#define PCLEAN_ADIOS2_TEXT_ROWS 16384

typedef struct pclean_adios2_options {
    size_t size;
    const char *const *columns; /* NULL-terminated; default DATA CORRECTED_DATA MODEL_DATA FLAG
                                 * WEIGHT SIGMA. Those the MS has are moved */
    const char *engine;         /* "BP4" (default), "BP5" */
    const char *const *params;  /* NULL, or key, value, ..., NULL: the engine's parameters. Sizes
                                 * as "2GB", "512MiB", "64Mb" or bytes */
    const char *xml_file;       /* NULL, or an ADIOS2 configuration with <io name="Adios2StMan">:
                                 * then engine and params count for nothing */
    const char *taql;           /* NULL, or a TaQL condition: only these rows (not for split) */
    bool overwrite;             /* an existing table that is no image is exchanged for the new
                                 * one when that is complete */
    bool verify_all;            /* compare every cell with the input afterwards; default a sample
                                 * of the blocks */
} pclean_adios2_options;
PCLEAN_API void pclean_adios2_options_init(pclean_adios2_options *options, size_t size);

/* Copies input_ms to output_ms with the columns under one Adios2StMan; sub-tables, keywords and the
 * managers of the other columns are kept. The input may be a reference or a concatenated MS. A
 * column whose cells all have one shape gets that shape fixed; others keep each row's. Written as
 * OUTPUT.part, compared, renamed: whatever happens, there is a whole output or none, and the input
 * is only read. Sub-tables that do not exist are left out, with a warning, but for those that an MS
 * must have. options, hooks NULL: defaults, none. hooks->progress: stages "copy" and "compare" in
 * MB.
 *
 * -PCLEAN_EIO: no such input, a sub-table cannot be read, or the copy differs; -PCLEAN_EEXIST: the
 * output exists; -PCLEAN_EDATA: none of the columns, no row, or a sub-table is missing that an MS
 * must have; -PCLEAN_EUNSUPPORTED: no Adios2StMan here; -PCLEAN_ENOSPC: before anything is written;
 * -PCLEAN_EPARAM: engine, parameter, XML. */
PCLEAN_API int pclean_adios2_convert(const char *input_ms, const char *output_ms,
                                     const pclean_adios2_options *options,
                                     const pclean_hooks *hooks, pclean_err *err);

/* The same for each spectral window that has rows: OUTPUT_DIR/NAME_spwN.ms, NAME being the input's
 * name without ".ms". The folder is made. *outputs (may be NULL): the names, NULL-terminated, to be
 * freed with pclean_adios2_free_list; after a failure those of the parts that are complete.
 * Sub-tables still describe all windows. */
PCLEAN_API int pclean_adios2_split(const char *input_ms, const char *output_dir,
                                   const pclean_adios2_options *options, const pclean_hooks *hooks,
                                   char ***outputs, pclean_err *err);

/* The way back: columns under Adios2StMan go to TiledShapeStMan (scalars and text to
 * StandardStMan). Of the options overwrite, verify_all and taql count. -PCLEAN_EDATA: no column is
 * in ADIOS2. */
PCLEAN_API int pclean_adios2_restore(const char *input_ms, const char *output_ms,
                                     const pclean_adios2_options *options,
                                     const pclean_hooks *hooks, pclean_err *err);

#ifdef __cplusplus
}
#endif
#endif
