/* products.h: the images that a run leaves, under tclean's names, and when each exists. */
#ifndef PCL_PRODUCTS_H
#define PCL_PRODUCTS_H
#include "base/err.h"
#include "image/cube.h"
#include "imager/setup.h"
#include "imager/state.h"
#include "imager/target.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(symbol, extension, unit, has the primary-beam mask, has beams) */
#define PCL_PRODUCT_LIST(X)                                                                        \
    X(PCL_PRODUCT_PSF, ".psf", "", false, true)                                                    \
    X(PCL_PRODUCT_RESIDUAL, ".residual", "", true, false)                                          \
    X(PCL_PRODUCT_MODEL, ".model", "Jy/pixel", false, false)                                       \
    X(PCL_PRODUCT_IMAGE, ".image", "Jy/beam", true, true)                                          \
    X(PCL_PRODUCT_PBCOR, ".image.pbcor", "Jy/beam", true, true)                                    \
    X(PCL_PRODUCT_PB, ".pb", "", true, false)                                                      \
    X(PCL_PRODUCT_SUMWT, ".sumwt", "", false, false)                                               \
    X(PCL_PRODUCT_MASK, ".mask", "", false, false)

enum pcl_product {
#define X(symbol, extension, unit, masked, beams) symbol,
    PCL_PRODUCT_LIST(X)
#undef X
        PCL_NPRODUCT
};

typedef struct pcl_products {
    const pclean_config *config;
    int claim; /* of pcl_products_claim */
    size_t nchan;
    int mode;                         /* pcl_subcubes_mode */
    pcl_cube *cube[PCL_NPRODUCT];     /* NULL: not made in this run */
    size_t nsubcube;                  /* 0: none are made */
    pcl_cube **subcube[PCL_NPRODUCT]; /* [nsubcube] */
    size_t nwork;
    float *work; /* of pcl_cube_write_plane */
} pcl_products;

bool pcl_product_wanted(const pclean_config *config, enum pcl_product product);
/* NAME.extension into buf. */
void pcl_product_path(const pclean_config *config, enum pcl_product product, char *buf,
                      size_t size);

/* Bytes on disk of all products of a run. */
uint64_t pcl_products_bytes(const pcl_setup *setup);

/* Bytes of memory with which each process writes planes: a row of tiles. */
uint64_t pcl_products_work_bytes(const pcl_setup *setup);

/* -PCLEAN_EPARAM if what the run reads is among what it makes, replaces or removes, or its products
 * would lie inside that. */
int pcl_products_check_inputs(const pclean_config *config, pclean_err *err) PCL_CHECK;

/* -PCLEAN_EEXIST naming what exists, unless overwrite or restart is set; in any case if it is not
 * ours to replace: a product that is no CASA image, a .part that no run of this name has noted in
 * its lock file, a record that is none. A product that is a symbolic link is replaced itself; what
 * it leads to stays. Changes nothing. */
int pcl_products_check(const pclean_config *config, pclean_err *err) PCL_CHECK;

/* Claims the name for this run, before anything is read: tells at once when another run is making
 * these products, when the folder is missing or cannot be written, or when the name is too long.
 * What a killed run of this name has left is removed. *fd to be given to pcl_products_unclaim. */
int pcl_products_claim(const pclean_config *config, int *fd, pclean_err *err) PCL_CHECK;
void pcl_products_unclaim(const pclean_config *config, int fd);

/* Brings back what an earlier run had moved aside when it was killed. Under the claim, before
 * anything can fail. */
int pcl_products_repair(const pclean_config *config, pclean_err *err) PCL_CHECK;

/* Makes all products as .part, with as many sub-cubes as cube_chunksize or nworker asks for;
 * pb_mask [ny][nx] (NULL: none) is their default mask. Calls casacore; what follows, up to
 * pcl_products_finish, does not, and may be called in forked processes for different planes. */
int pcl_products_create(pcl_products *out, const pcl_setup *setup, int claim, size_t nworker,
                        const bool *pb_mask, pclean_err *err) PCL_CHECK;

/* PSF, residual and model are a place for these arrays of a plane: cyclecontrol=global keeps them
 * there between its tasks. */
pcl_state_place pcl_products_place(pcl_products *s);

/* All products of a finished plane; borrows plane and mask, so p->restored is used up. */
int pcl_products_write(pcl_products *s, pcl_target *p, double sumwt, pclean_err *err) PCL_CHECK;

/* Zeros in all products of a plane that could not be made. */
int pcl_products_blank(pcl_products *s, size_t ipol, size_t ichan, pclean_err *err) PCL_CHECK;

/* Beams [nchan][npol] (fitted for .psf, restoring for .image; NULL: none) and history into the
 * headers, then the final names. Failure leaves older products and their run record as they
 * were. */
int pcl_products_finish(pcl_products *s, const pcl_setup *setup, const casa_beam *fitted,
                        const casa_beam *restoring, const char *const *history, size_t nhistory,
                        pclean_err *err) PCL_CHECK;

/* Removes what was not finished. */
void pcl_products_abort(pcl_products *s);

#endif
