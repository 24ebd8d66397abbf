/* cubeview.h: the numbers behind a picture of a cube: where the emission is, its spectrum, the
 * channel maps to show. */
#ifndef PCL_CUBEVIEW_H
#define PCL_CUBEVIEW_H
#include "base/err.h"
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>

/* A cube that is read plane by plane. All borrowed. */
typedef struct pcl_cube_source {
    size_t nx, ny, nchan;
    double cell_x_rad, cell_y_rad; /* positive */
    const double *axis;            /* [nchan] velocity or frequency, monotonic, any unit */
    const casa_beam *beam;         /* [nchan] (major 0: that plane has none), or NULL: the image
                                    * has none */
    /* pixels [ny][nx], good [ny][nx] (true = not masked) */
    int (*read)(void *user, size_t ichan, float *pixels, bool *good, pclean_err *err);
    void *user;
} pcl_cube_source;

typedef struct pcl_cubeview {
    double *rms;                     /* [nchan] 1.4826 MAD; 0: blank plane */
    double rms_typical;              /* median of the planes that are not blank */
    bool *region;                    /* [ny][nx] significant emission */
    size_t nregion;                  /* its pixels */
    bool found;                      /* false: nothing significant; region is one beam at the
                                      * brightest pixel */
    double *spectrum, *spectrum_rms; /* [nchan] sum over region / beam area, or the brightest
                                      * pixel without a beam */
    size_t chan_lo, chan_hi;         /* channels with emission, inclusive */
    size_t x0, y0, nx, ny;           /* window to show, pixels of the image */
    size_t bin;                      /* window pixels averaged per map pixel and axis */
    size_t map_nx, map_ny;           /* of the maps below */
    size_t npanel, stride;           /* stride: channels from panel to panel */
    size_t *panel_chan;              /* [npanel] */
    float *panel;                    /* [npanel][map_ny][map_nx], NaN = masked */
    float *moment0;                  /* [map_ny][map_nx], sum of channels lo..hi times their
                                      * width; NaN = masked */
} pcl_cubeview;

/* field_rad 0: the window is chosen to hold the emission. On failure *view is cleared. */
int pcl_cubeview_make(const pcl_cube_source *source, double field_rad, size_t max_panels,
                      pcl_cubeview *view, pclean_err *err) PCL_CHECK;
void pcl_cubeview_clear(pcl_cubeview *view);

/* Width of channel i along the axis, positive; 1 for a single channel. */
double pcl_cube_channel_width(const pcl_cube_source *source, size_t i);

#endif
