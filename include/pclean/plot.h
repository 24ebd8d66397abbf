/* plot.h: a picture of an image, to look at or to show.
 *
 *     int rc = pclean_plot_cube("line.image", "line.png", NULL, &err);
 */
#ifndef PCLEAN_PLOT_H
#define PCLEAN_PLOT_H
#include "pclean/error.h"
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct pclean_plot_options {
    size_t size;
    const char *title; /* NULL: object and telescope, as the image names them */
    const char *field; /* width of the maps on the sky ("20arcmin"); NULL: chosen to hold the
                        * emission */
    size_t max_panels; /* channel maps at most */
    int width, height; /* of the picture, pixels; 0: 2000 x 1125 for a cube, 1300 x 1180 for
                        * one map */
} pclean_plot_options;

/* Defaults: automatic title, field and size, 25 panels. */
PCLEAN_API void pclean_plot_options_init(pclean_plot_options *options, size_t size);

/* Draws the CASA image `image_path` (read only; its first Stokes plane) as a PNG file. A cube:
 * channel maps of the channels with emission, integrated intensity, and the spectrum summed over
 * the region of significant emission (outlined). One channel: one map. Masked pixels are grey.
 * Velocities are radio velocities for the image's rest frequency; frequencies take their place
 * where it has none. The file is written under a temporary name and renamed, so a failure leaves
 * png_path as it was; an existing picture is replaced, another file is not (-PCLEAN_EEXIST).
 * options NULL: the defaults. Reads the cube plane by plane, up to three times; memory: a few
 * planes. Other errors: -PCLEAN_EIO, -PCLEAN_ENOSPC, -PCLEAN_ECASA: the image cannot be read or the
 * picture not be written; -PCLEAN_EDATA: nothing in it can be drawn; -PCLEAN_EPARAM: title, field
 * or size. Thread-safe: each thread has a process for casacore. */
PCLEAN_API int pclean_plot_cube(const char *image_path, const char *png_path,
                                const pclean_plot_options *options, pclean_err *err);

#ifdef __cplusplus
}
#endif
#endif
