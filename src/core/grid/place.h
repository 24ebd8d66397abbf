/* place.h: where samples fall on the grid, for many samples at a time and compiled for several
 * instruction sets. Not for use outside grid.c. Both functions round alike, so that a sample's tile
 * and its cell belong together. */
#ifndef PCL_GRID_PLACE_H
#define PCL_GRID_PLACE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PCL_PLACE_BLOCK = 256 };
static const uint32_t PCL_NO_TILE = UINT32_MAX;

typedef struct pcl_grid_place {
    double u_cells, v_cells; /* wavelengths to cells */
    double u_most, v_most;   /* cells from the centre that are still on the grid, not themselves */
    double column0, row0;    /* of the first tap of a sample at the centre, not yet rounded up */
    uint32_t stride, ntile_u, ntile_colour;
    unsigned tile_shift;

    /* With w, for one plane; w_even is NULL without. A sample is seen at |w| or, if `below`, at
     * -|w|. */
    const float *w_even; /* of gridfn.h */
    double w_plane, per_reach, nshift;
    bool below;
} pcl_grid_place;

/* Up to PCL_PLACE_BLOCK samples. */
typedef struct pcl_grid_placed {
    uint32_t cell[PCL_PLACE_BLOCK];
    float dx[PCL_PLACE_BLOCK], dy[PCL_PLACE_BLOCK]; /* as in pcl_grid_item */
    float sign[PCL_PLACE_BLOCK];
    float k_re[PCL_PLACE_BLOCK], k_im[PCL_PLACE_BLOCK]; /* with w: the kernel along w, with its
                                                         * phase */
} pcl_grid_placed;

/* Tile of each sample; PCL_NO_TILE: it has no weight, is outside the grid, or out of reach of the
 * plane. weight NULL: all count. */
void pcl_grid_place_tiles(const pcl_grid_place *p, size_t n, const double *u, const double *v,
                          const double *w, const float *weight, uint32_t *tile);
/* Samples without a tile get something, too. n <= PCL_PLACE_BLOCK. */
void pcl_grid_place_cells(const pcl_grid_place *p, size_t n, const double *u, const double *v,
                          const double *w, pcl_grid_placed *out);

#endif
