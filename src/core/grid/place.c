#include "core/grid/place.h"

#include "core/grid/gridfn.h"
#include "core/simd.h"

typedef struct spot {
    double x, y; /* first tap, not yet rounded up; at the edge when outside */
    int inside;
    double sign; /* -1: the sample is replaced by its mirror, to u >= 0 or, with w, to the side
                  * where it is seen */
} spot;

INLINE double within(double x, double most) {
    const double above = x > -most ? x : -most; /* also when x is not a number */
    return above < most ? above : most;
}

INLINE spot find(const pcl_grid_place *p, double u, double v, bool mirrored) {
    const double sign = mirrored ? -1 : 1, x = sign * u * p->u_cells, y = -sign * v * p->v_cells;
    return (spot){.x = within(x, p->u_most) + p->column0,
                  .y = within(y, p->v_most) + p->row0,
                  .inside = (__builtin_fabs(x) < p->u_most) & (__builtin_fabs(y) < p->v_most),
                  .sign = sign};
}

/* Without a call, for x >= 0. */
INLINE uint32_t rounded_up(double x) {
    const int c = (int)x;
    return (uint32_t)(c + ((double)c < x));
}

/* With w, in units of the plane's reach. */
INLINE double from_plane(const pcl_grid_place *p, double w, bool below) {
    const double seen = below ? -__builtin_fabs(w) : __builtin_fabs(w);
    return (seen - p->w_plane) * p->per_reach;
}

/* Where a sample is seen. Without w, on the side of u >= 0. */
enum side { FLAT, ABOVE, BELOW };

INLINE void tiles(const pcl_grid_place *p, size_t n, const double *restrict u,
                  const double *restrict v, const double *restrict w, uint32_t *restrict tile,
                  enum side side) {
    const bool with_w = side != FLAT, below = side == BELOW;
    for (size_t i = 0; i < n; i++) {
        const spot at = find(p, u[i], v[i], with_w ? (w[i] < 0) != below : u[i] < 0);
        const uint32_t tu = rounded_up(at.x) >> p->tile_shift,
                       tv = rounded_up(at.y) >> p->tile_shift;
        const uint32_t t =
            ((tv & 1) * 2 + (tu & 1)) * p->ntile_colour + (tv >> 1) * p->ntile_u + (tu >> 1);
        const int reached = with_w ? __builtin_fabs(from_plane(p, w[i], below)) < 1 : 1;
        tile[i] = t | (uint32_t)((at.inside & reached) - 1); /* no branch: it is vectorised */
    }
}

INLINE void drop_unweighted(size_t n, const float *restrict weight, uint32_t *restrict tile) {
    for (size_t i = 0; i < n; i++)
        tile[i] |= (uint32_t)((weight[i] > 0) - 1);
}

INLINE void cells(const pcl_grid_place *p, size_t n, const double *restrict u,
                  const double *restrict v, const double *restrict w, pcl_grid_placed *restrict out,
                  enum side side) {
    const bool with_w = side != FLAT, below = side == BELOW;
    for (size_t i = 0; i < n; i++) {
        const spot at = find(p, u[i], v[i], with_w ? (w[i] < 0) != below : u[i] < 0);
        const uint32_t c = rounded_up(at.x), r = rounded_up(at.y);
        out->cell[i] = r * p->stride + c;
        out->dx[i] = (float)(2 * ((double)(int)c - at.x) - 1);
        out->dy[i] = (float)(2 * ((double)(int)r - at.y) - 1);
        out->sign[i] = (float)at.sign;
    }
    if (!with_w)
        return;
    const double turns_per_reach = -p->nshift / p->per_reach;
    for (size_t i = 0; i < n; i++) {
        const double q = from_plane(p, w[i], below), turns = q * turns_per_reach;
        const float square = (float)(2 * q * q - 1);
        float k = p->w_even[PCL_GRIDFN_EVEN], c, s;
        for (int d = PCL_GRIDFN_EVEN - 1; d >= 0; d--)
            k = k * square + p->w_even[d];
        pcl_turn((float)(turns - pcl_whole(turns)), &c, &s);
        out->k_re[i] = k * c;
        out->k_im[i] = k * s;
    }
}

INLINE void all_tiles(const pcl_grid_place *p, size_t n, const double *u, const double *v,
                      const double *w, const float *weight, uint32_t *tile) {
    if (!p->w_even)
        tiles(p, n, u, v, NULL, tile, FLAT);
    else if (p->below)
        tiles(p, n, u, v, w, tile, BELOW);
    else
        tiles(p, n, u, v, w, tile, ABOVE);
    if (weight)
        drop_unweighted(n, weight, tile);
}

INLINE void all_cells(const pcl_grid_place *p, size_t n, const double *u, const double *v,
                      const double *w, pcl_grid_placed *out) {
    if (!p->w_even)
        cells(p, n, u, v, NULL, out, FLAT);
    else if (p->below)
        cells(p, n, u, v, w, out, BELOW);
    else
        cells(p, n, u, v, w, out, ABOVE);
}

WITH_AVX2 static void tiles_avx2(const pcl_grid_place *p, size_t n, const double *u,
                                 const double *v, const double *w, const float *weight,
                                 uint32_t *tile) {
    all_tiles(p, n, u, v, w, weight, tile);
}

WITH_AVX2 static void cells_avx2(const pcl_grid_place *p, size_t n, const double *u,
                                 const double *v, const double *w, pcl_grid_placed *out) {
    all_cells(p, n, u, v, w, out);
}

void pcl_grid_place_tiles(const pcl_grid_place *p, size_t n, const double *u, const double *v,
                          const double *w, const float *weight, uint32_t *tile) {
    if (HAS_AVX2)
        tiles_avx2(p, n, u, v, w, weight, tile);
    else
        all_tiles(p, n, u, v, w, weight, tile);
}

void pcl_grid_place_cells(const pcl_grid_place *p, size_t n, const double *u, const double *v,
                          const double *w, pcl_grid_placed *out) {
    if (HAS_AVX2)
        cells_avx2(p, n, u, v, w, out);
    else
        all_cells(p, n, u, v, w, out);
}
