/* products.h: the images of one run while it writes them: all products, with their sub-cubes. */
#ifndef PCL_PRODUCTS_H
#define PCL_PRODUCTS_H
#include "base/err.h"
#include "base/parcel.h"
#include "image/cube.h"
#include "imager/setup.h"
#include "imager/state.h"
#include "imager/target.h"
#include "run/product.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_products {
    const pclean_config *config;
    int claim; /* of pcl_imagename_claim */
    size_t nchan;
    int mode;                         /* pcl_subcubes_mode */
    pcl_cube *cube[PCL_NPRODUCT];     /* NULL: not made in this run */
    size_t nsubcube;                  /* 0: none are made */
    pcl_cube **subcube[PCL_NPRODUCT]; /* [nsubcube] */
    size_t nwork;
    float *work; /* of pcl_cube_write_plane */
    bool kept;   /* all planes are finished, and stay where they are whatever comes */
} pcl_products;

/* Between processes: the record of products that pcl_products_create has made, and the same
 * products in another process, for planes only, from it. *out to pcl_products_detach. No casacore.
 * Errors as pcl_cube_attach. */
int pcl_products_put(const pcl_products *s, pcl_parcel *p, pclean_err *err) PCL_CHECK;
int pcl_products_attach(pcl_parcel_reader *r, const pclean_config *config, pcl_products *out,
                        pclean_err *err) PCL_CHECK;
/* Frees the memory; the files are another process's. */
void pcl_products_detach(pcl_products *s);

/* Bytes on disk of all products of a run. */
uint64_t pcl_products_bytes(const pcl_setup *setup);

/* Bytes of memory with which each process writes planes: a row of tiles. */
uint64_t pcl_products_work_bytes(const pcl_setup *setup);

/* Makes all products as .part, with as many sub-cubes as cube_chunksize or nworker asks for;
 * pb_mask [ny][nx] (NULL: none) is their default mask. Calls casacore; what follows, up to
 * pcl_publish_products, does not, and may be called in several processes for different planes. */
int pcl_products_create(pcl_products *out, const pcl_setup *setup, int claim, size_t nworker,
                        const bool *pb_mask, pclean_err *err) PCL_CHECK;

/* The sub-cubes of a product as a list, inside its folder or beside it; to pcl_virtual_clear. */
int pcl_products_list_subcubes(const pcl_products *s, enum pcl_product product, bool inside,
                               pcl_virtual *list, pclean_err *err) PCL_CHECK;

/* PSF, residual and model are a place for these arrays of a plane: cyclecontrol=global keeps them
 * there between its tasks. */
pcl_state_place pcl_products_place(pcl_products *s);

/* All products of a finished plane, without the restored ones where p->restored is NULL; borrows
 * plane and mask, so p->restored is used up. */
int pcl_products_write(pcl_products *s, pcl_target *p, double sumwt, pclean_err *err) PCL_CHECK;
/* The restored ones of a plane whose others are written. Borrows as the above. */
int pcl_products_write_restored(pcl_products *s, pcl_target *p, pclean_err *err) PCL_CHECK;

/* Zeros in all products of a plane that could not be made. */
int pcl_products_blank(pcl_products *s, size_t ipol, size_t ichan, pclean_err *err) PCL_CHECK;

/* Removes what was not published, unless it is kept. */
void pcl_products_abort(pcl_products *s);

#endif
