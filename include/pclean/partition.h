/* partition.h: cuts an image into parts that are imaged one by one, on one machine or many.
 *
 *     pclean_partition *parts = NULL;
 *     int rc = pclean_partition_make(config, 8, NULL, &parts, &err);
 *     for (size_t k = 0; rc == 0 && k < parts->nparts; k++)
 *         rc = pclean_image(parts->part[k].config, NULL, NULL, &err);
 *     pclean_partition_free(parts);
 *     // concat.h joins the parts of a cube: pclean_concat_subcubes
 *
 * A cube is cut by channels, a continuum image by rows of the MeasurementSets. These are
 * partition_cube and partition_continuum of the Python pclean, and the two CASA calls beneath them,
 * contdatapartition and cubedataimagepartition.
 *
 * A part is a whole configuration: pclean_image makes NAME.subcube.N or NAME.part.N of it as it
 * stands. What it must not find out for itself it brings along in the parameters part_...: the
 * whole image's channel grid in exact doubles, its epoch, where the part lies in it, and what
 * decides on gridding kernel and weights. So
 *   - the planes of the parts of a cube, one after the other, are byte for byte those of the
 *     unpartitioned cube;
 *   - dirty images and PSFs of the parts of a continuum image, each times its .sumwt, added up and
 *     divided by the sum of the .sumwt, are those of the unpartitioned image, within its
 *     `accuracy`.
 *
 * Rows: part k of n has the selected rows k (d + 1) ... (k + 1) (d + 1) - 1, with d the selected
 * rows of the MS divided by n, rounded down: CASA's ranges, where the whole MS is selected. Where
 * it is not, CASA counts the selected rows and names rows of the whole MS, so that its parts lose
 * data; these name the rows that were counted. The parts of any selection cover it, each row once.
 * Every MS is cut into n; parts without rows are left out. Channels: nchan divided by n each, the
 * first nchan mod n parts one more. The selection by spw is narrowed to the channels that the
 * part's rows can need at any time of the observation, and one more at each side.
 *
 * Thread-safe: each thread has a process for casacore. Strings and arrays belong to the struct that
 * holds them. */
#ifndef PCLEAN_PARTITION_H
#define PCLEAN_PARTITION_H
#include "pclean/config.h"
#include "pclean/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What a part takes of one MeasurementSet. */
typedef struct pclean_part_ms {
    char *msname;
    char *spw;     /* "0:12~31,1:0~5"; "-1": nothing of this MS */
    char *taql;    /* the rows, with the config's own condition */
    uint64_t rows; /* selected rows; of a cube those of the windows in spw, without
                    * autocorrelations */
    /* the whole image's, under CASA's keys; "": all */
    char *field, *timestr, *uvdist, *antenna, *scan, *obs, *state;
} pclean_part_ms;

typedef struct pclean_part {
    size_t index; /* from 0; the number in its name */
    char *name;   /* imagename of the part */
    char *file;   /* YAML file that pclean_partition_write wrote; NULL: none yet */
    pclean_config *config;
    size_t nms;         /* of the whole selection */
    pclean_part_ms *ms; /* [nms] */
    uint64_t rows;      /* of all MSs */
    /* samples for each Stokes plane, without autocorrelations; flagged ones count unless the
     * partition counted flags */
    uint64_t nvis;
    double estimated_gib;              /* memory of the part's run, all processes together */
    double freq_start_hz, freq_end_hz; /* cube: centres of first and last channel; continuum:
                                        * edges of the band */
    /* cubes */
    size_t channel_start, nchan; /* in the whole cube */
    char *start, *width;         /* labels, "%.10fGHz" */
} pclean_part;

typedef struct pclean_partition {
    bool cube;
    bool flags_counted;           /* by balance=visibilities */
    size_t nparts_wanted, nparts; /* fewer are made than wanted when there is nothing for the
                                   * others */
    pclean_part *part;            /* [nparts] */
    size_t nchan;                 /* of the whole image: grid in outframe */
    double first_hz, step_hz;
    double epoch_s; /* TIME of its first row */
    double fracbw;  /* as given, else 2 (fmax - fmin) / (fmax + fmin) of its channels */
    char frame[16]; /* "LSRK"; "data" with cubedata */
} pclean_partition;

/* All defaults are zero. */
typedef struct pclean_partition_options {
    size_t size;
    bool balance_visibilities; /* parts of equal numbers of unflagged samples, not of channels or
                                * rows; reads FLAG */
    bool align_integration;    /* continuum: all rows of one TIME are in one part */
} pclean_partition_options;
PCLEAN_API void pclean_partition_options_init(pclean_partition_options *options, size_t size);

/* Parts that config->cube_chunksize asks for: -1 `nparts`, 1 a part for each channel, N ceil(nchan
 * / N). */
PCLEAN_API size_t pclean_partition_nparts(const pclean_config *config, size_t nchan, size_t nparts);

/* options NULL: none. *out is NULL after a failure. -PCLEAN_EPARAM: nparts
 * below 1, a specmode of the other kind, or a config that pclean_image would refuse; -PCLEAN_EDATA:
 * a selection that matches nothing; -PCLEAN_EUNSUPPORTED: fields with several phase centres. */
PCLEAN_API int pclean_partition_continuum(const pclean_config *config, int nparts,
                                          const pclean_partition_options *options,
                                          pclean_partition **out, pclean_err *err);
/* nparts 0: as cube_chunksize says. A cube with cyclecontrol=global and niter > 0 is one problem:
 * -PCLEAN_EUNSUPPORTED. */
PCLEAN_API int pclean_partition_cube(const pclean_config *config, int nparts,
                                     const pclean_partition_options *options,
                                     pclean_partition **out, pclean_err *err);
/* Whichever the config's specmode asks for. nparts 0: as a cube's cube_chunksize says, else as
 * many as nworkers. */
PCLEAN_API int pclean_partition_make(const pclean_config *config, int nparts,
                                     const pclean_partition_options *options,
                                     pclean_partition **out, pclean_err *err);

/* Writes FOLDER/NAME.yaml for each part (NAME without its folders), making the folder where it is
 * missing. Where one weight density serves all samples (with mfs, with perchanweightdensity=false,
 * and of superuniform weights) it reads the data, counts the density of the whole selection into
 * FOLDER/IMAGENAME.density, and names that file in every part. config: the whole image's, as given
 * to pclean_partition_... . Parts and densities of an earlier partition are replaced one by one,
 * each in one step; its parts of higher numbers are removed. Other files of such names:
 * -PCLEAN_EEXIST, before anything is changed. */
PCLEAN_API int pclean_partition_write(pclean_partition *partition, const pclean_config *config,
                                      const char *folder, pclean_err *err);

/* Whether pclean_partition_write would find its way clear: -PCLEAN_EEXIST names a file of such a
 * name (a part of any number, or the density), with overwrite only if it comes from no earlier
 * partition; -PCLEAN_EPARAM an input that would be replaced. Changes nothing. */
PCLEAN_API int pclean_partition_check(const pclean_partition *partition,
                                      const pclean_config *config, const char *folder,
                                      bool overwrite, pclean_err *err);

PCLEAN_API void pclean_partition_free(pclean_partition *partition); /* NULL: nothing */
/* *json to be freed with free(); after a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_partition_json(const pclean_partition *partition, char **json,
                                     pclean_err *err);

/* ---- the two CASA calls ---- */

/* A selection record of CASA's, with its keys; NULL or "": all. */
typedef struct pclean_ms_selection {
    const char *msname, *field, *spw, *timestr, *uvdist, *antenna, *scan, *obs, *state, *taql;
} pclean_ms_selection;

/* contdatapartition: (*out)[npart][nms], to be freed by pclean_part_ms_free(*out, npart nms); NULL
 * after a failure. ms [nms], borrowed for the call. An entry without rows has taql "" and rows 0.
 * Reads no more than the selections need: nothing at all for whole MSs. -PCLEAN_EPARAM: npart below
 * 1, a selection without msname; else as pclean_image where it opens its data. */
PCLEAN_API int pclean_contdatapartition(size_t nms, const pclean_ms_selection *ms, int npart,
                                        pclean_part_ms **out, pclean_err *err);

/* The spectral axis of a cube, and the direction it is seen in. */
typedef struct pclean_spectral_axis {
    const char *frame; /* "LSRK" ... */
    size_t nchan;
    double first_hz, step_hz; /* centre of channel 0; step negative: descending */
    const char *phasecenter;  /* "": the first field's; a field number; "J2000 12h56m44
                               * 21d41m05" */
} pclean_spectral_axis;

/* One part of the axis: its own coordinate system is first_hz with the whole's step. */
typedef struct pclean_axis_part {
    size_t channel_start, nchan;
    double first_hz;
    pclean_part_ms *ms; /* [nms] */
} pclean_axis_part;

/* cubedataimagepartition: (*out)[*nout], to be freed by pclean_axis_parts_free(*out, *nout, nms);
 * NULL after a failure. ms [nms] and axis are borrowed for the call. *nout is less than npart when
 * there are fewer channels. Errors as above; -PCLEAN_EPARAM also for the axis. */
PCLEAN_API int pclean_cubedataimagepartition(size_t nms, const pclean_ms_selection *ms,
                                             const pclean_spectral_axis *axis, int npart,
                                             pclean_axis_part **out, size_t *nout, pclean_err *err);

/* n and nms as above; NULL: nothing. */
PCLEAN_API void pclean_part_ms_free(pclean_part_ms *ms, size_t n);
PCLEAN_API void pclean_axis_parts_free(pclean_axis_part *part, size_t n, size_t nms);

#ifdef __cplusplus
}
#endif
#endif
