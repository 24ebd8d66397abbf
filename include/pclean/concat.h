/* concat.h: join CASA images along an axis: the sub-cubes of a cube, or any images whose
 * coordinates follow each other; check an image.
 *
 *     const char *parts[] = {"line.subcube.0.image", "line.subcube.1.image"};
 *     pclean_concat_options options;
 *     pclean_concat_options_init(&options, sizeof options);
 *     options.verify_full = true;
 *     int rc = pclean_concat_images("line.image", parts, 2, &options, NULL, NULL, &err);
 *
 * A joined image is made under a temporary name in the folder where it is to be, synced, compared
 * with its inputs, and renamed: under its final name there is the old image or the complete new one
 * at any moment, also after a kill or a power cut. Inputs are not changed (movevirtual moves them,
 * delete_inputs removes them, once the joined image is in place; the same call finishes that after
 * a kill). Thread-safe: each thread has a process for casacore; of two calls that make
 * one image the second is refused. */
#ifndef PCLEAN_CONCAT_H
#define PCLEAN_CONCAT_H
#include "pclean/config.h"
#include "pclean/error.h"
#include "pclean/run.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Modes. Values are the index in the choices of the parameter concat_mode:
 *   paged        an image of its own, holding all pixels
 *   virtual      (CASA: nomovevirtual) a list of the inputs, which must stay where they are
 *   movevirtual  a list of the inputs, which are moved into its folder
 *   copyvirtual  a list of copies of the inputs in its folder
 *   auto         virtual if keep_subcubes is set, else paged */
enum pclean_concat_mode {
    PCLEAN_CONCAT_AUTO,
    PCLEAN_CONCAT_PAGED,
    PCLEAN_CONCAT_VIRTUAL,
    PCLEAN_CONCAT_MOVEVIRTUAL,
    PCLEAN_CONCAT_COPYVIRTUAL
};
typedef struct pclean_concat_options {
    size_t size;
    int mode;           /* default paged */
    bool keep_subcubes; /* for auto */
    int axis;           /* pixel axis, from 0; -1 (default): the spectral axis */
    bool relax;         /* default true: gaps and pixels of other widths make the axis a table;
                         * small differences in other coordinates pass */
    bool reorder;       /* put the inputs in the order of their coordinates; default false: a
                         * wrong order is an error */
    bool overwrite;     /* default true: an existing image (nothing else) is replaced, once the
                         * new one is complete */
    bool allow_copy;    /* movevirtual to another file system: copy, then remove */
    bool delete_inputs; /* remove the inputs of a paged or copyvirtual image that has been
                         * verified */
    bool dry_run;       /* check everything, make nothing */
    bool verify_full;   /* compare all pixels with the inputs before the final name is given;
                         * else a sample */
    int max_workers;    /* threads that move pixels; 0: the cores that this process may use;
                         * default 4 */
} pclean_concat_options;
PCLEAN_API void pclean_concat_options_init(pclean_concat_options *options, size_t size);

/* "paged", "virtual", "nomovevirtual", "movevirtual", "copyvirtual", "auto", any case; -1: none of
 * these. */
PCLEAN_API int pclean_concat_mode_parse(const char *text);
PCLEAN_API const char *pclean_concat_mode_name(int mode); /* static storage */

/* What became of one joined image. */
typedef struct pclean_concat_output {
    char *path;
    int mode;                   /* enum pclean_concat_mode, never auto */
    size_t ninput, nplane;      /* pixels along the axis */
    bool regular;               /* else its axis is a table */
    uint64_t bytes;             /* of pixels and mask, written */
    uint64_t bytes_whole_tiles; /* of these, copied as whole tiles */
    pclean_err err;             /* code 0: done */
} pclean_concat_output;

typedef struct pclean_concat_result {
    size_t noutput;
    pclean_concat_output *output; /* [noutput] */
    uint64_t bytes;               /* written, of all outputs */
    double seconds;               /* by the clock */
} pclean_concat_result;
PCLEAN_API void pclean_concat_result_free(pclean_concat_result *result); /* NULL: nothing */
/* *json to be freed with free(); after a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_concat_json(const pclean_concat_result *result, char **json, pclean_err *err);

/* Joins inimages[ninimage] (1 or more), in this order, as outimage. options NULL: defaults. hooks
 * may be NULL; progress has the stage "copy" and counts MiB. result may be NULL; *result holds what
 * was found out, also after a failure. -PCLEAN_EDATA: the images do not go together;
 * -PCLEAN_EEXIST: outimage exists, or is being made by another process. */
PCLEAN_API int pclean_concat_images(const char *outimage, const char *const *inimages,
                                    size_t ninimage, const pclean_concat_options *options,
                                    const pclean_hooks *hooks, pclean_concat_result **result,
                                    pclean_err *err);

/* Joins base_imagename.subcube.0.EXT ... for each extension as base_imagename.EXT, several side by
 * side. nparts 0: as many as there are. extensions NULL-terminated; NULL: .image .residual .psf
 * .model .pb .image.pbcor .mask .weight .sumwt and those of Taylor terms (.image.tt0 ...). An
 * extension without any sub-cube is passed over; a missing part is an error. Parts of a cube with
 * restoringbeam='common' are restored first, with the common beam of all of them: their .image and
 * .image.pbcor are made (again), if .image is among the extensions. A failed extension
 * does not stop the others; -PCLEAN_EFAILED then names each. delete_inputs removes sub-cubes only
 * if all extensions are done. */
PCLEAN_API int pclean_concat_subcubes(const char *base_imagename, size_t nparts,
                                      const char *const *extensions,
                                      const pclean_concat_options *options,
                                      const pclean_hooks *hooks, pclean_concat_result **result,
                                      pclean_err *err);

/* ---- verifying ---- */

typedef struct pclean_verify_options {
    size_t size;
    const char *const *against; /* [nagainst] images of which it should consist, in order: shape,
                                 * coordinates, pixels and mask are compared; NULL: none */
    size_t nagainst;
    int axis;         /* pixel axis, from 0; -1 (default): the spectral axis */
    bool full;        /* with against: compare all pixels, not those of the first, the last and two
                       * tiles between of each */
    bool allow_blank; /* planes of zeros are no failure (a .model may have some) */
} pclean_verify_options;
PCLEAN_API void pclean_verify_options_init(pclean_verify_options *options, size_t size);

/* What pclean_verify_image found. Lists are of indices along the axis. */
typedef struct pclean_verify_result {
    size_t nplane;
    size_t nnan, nblank, ngap; /* planes of nothing but NaN; of nothing but zeros; neighbours
                                * that do not touch */
    size_t *nan, *blank, *gap; /* gap[i]: between plane gap[i] and the next */
    size_t ndiffer, *differ;   /* planes whose pixels or mask are not those of `against` */
    uint64_t *checksum;        /* [nplane] of its pixels, for any tiles and byte order the
                                * same; 0 where the pixels were not all read */
    uint64_t bytes;            /* read */
    char *image;
    char *error; /* what is wrong; NULL: nothing */
} pclean_verify_result;
PCLEAN_API void pclean_verify_result_free(pclean_verify_result *result); /* NULL: nothing */
/* *json to be freed with free(); after a failure (-PCLEAN_ENOMEM) NULL. */
PCLEAN_API int pclean_verify_json(const pclean_verify_result *result, char **json, pclean_err *err);

/* Checks an image (paged or virtual): readable, its files of the right size, no blank or NaN
 * planes, no gaps along the axis. All pixels are read, except with `against` and without `full`.
 * options NULL: defaults. -PCLEAN_EFAILED says what is wrong; *result holds the details, also after
 * a failure. */
PCLEAN_API int pclean_verify_image(const char *image, const pclean_verify_options *options,
                                   pclean_verify_result **result, pclean_err *err);

#ifdef __cplusplus
}
#endif
#endif
