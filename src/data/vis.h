/* vis.h: MeasurementSets -> plain arrays. The MSs are read once, in row blocks, into a packed
 * store; all that follows (weights, PSF, residuals of every major cycle, in any number of
 * processes) reads the store and never casacore.
 *
 * Store, for each data description of each MS (a "block"): vis and weight
 * [npol][nchan][row_stride], row fastest, so the samples of one image channel lie together; 12
 * bytes per visibility and Stokes plane, 28 per row. Weight 0 marks a sample that is flagged, not
 * finite, absurd (below) or has no weight. Rows that are flagged whole (FLAG_ROW) or have no finite
 * UVW are not stored; all others are, so that neither the rows nor their order depend on which
 * channels are read.
 *
 * Order of rows: those that pass are taken in windows of 2^18, in the order of the MS; inside a
 * window they are sorted by uv tile (the uv plane folded to u >= 0, 64 x 128 tiles over the
 * window's extent, along a Hilbert curve), rows of one tile staying in the order of the MS. With
 * by_w the plane is folded to w >= 0, 128 x 128 tiles, and 16 steps of |w| come before the tile: a
 * w plane then concerns few stretches of rows. So the samples of a batch fall on few cells of a
 * grid, and the order depends on nothing but the data.
 *
 * Where: in memory, or in a scratch file that is reserved in full before the reading begins, has no
 * name (nothing is left behind however the run ends), and is mapped: its pages can be evicted.
 * After reading nothing writes to the store, so processes forked then share it. */
#ifndef PCL_VIS_H
#define PCL_VIS_H
#include "base/err.h"
#include "base/spool.h"
#include "casa/casa.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- opened MSs, before reading ---- */
typedef struct pcl_vis_source pcl_vis_source;
/* path, sel [nms]; a selection may leave an MS without a window (spw "-1"), that is only described
 * then. */
int pcl_vis_open(size_t nms, const char *const *path, const casa_ms_selection *sel,
                 pcl_vis_source **out, pclean_err *err) PCL_CHECK;
void pcl_vis_close(pcl_vis_source *src);
size_t pcl_vis_source_count(const pcl_vis_source *src);
const casa_ms_info *pcl_vis_source_info(const pcl_vis_source *src, size_t ims);
casa_ms *pcl_vis_source_ms(const pcl_vis_source *src, size_t ims);

/* Image frame / data frame for data description idd of MS ims at time_s; 1 when the frames are the
 * same. frame < 0: no conversion (specmode cubedata). */
int pcl_vis_doppler(const pcl_vis_source *src, size_t ims, size_t idd, int frame,
                    const casa_direction *dir, size_t ntime, const double *time_s, double *factor,
                    pclean_err *err) PCL_CHECK;

/* Widens [*least, *most] by the factors at these times, relative to that of the MS's first selected
 * row: what pcl_vis.doppler_min and _max are of all times that are read. */
int pcl_vis_doppler_range(const pcl_vis_source *src, size_t ims, size_t idd, int frame,
                          const casa_direction *dir, size_t ntime, const double *time_s,
                          double *least, double *most, pclean_err *err) PCL_CHECK;

/* ---- the store ---- */
typedef struct pcl_vis_block {
    size_t nrow, row_stride;
    double *u_m, *v_m, *w_m;       /* [nrow] */
    double umax_m, vmax_m, wmax_m; /* largest |u|, |v|, |w| of the rows */
    uint32_t *itime;               /* [nrow] index into doppler */
    size_t ntime;
    double *time_s, *doppler; /* [ntime] image frame / data frame */
    size_t nchan;
    double *freq_hz;   /* [nchan] data frame: the observed frequency */
    double spacing_hz; /* of the spectral window's channels */
    float *vis;        /* [npol][nchan][row_stride][2] */
    float *weight;     /* [npol][nchan][row_stride] natural weight */
} pcl_vis_block;

/* Absurd: a weight, a value or their product too large for 2^64 of them to be added up in single
 * precision, which is how they are gridded; or a weight so small that a sum of such has no inverse
 * there. */
#define PCL_VIS_MOST  0x1p64f
#define PCL_VIS_LEAST 0x1p-100f

/* What its scratch file is called. */
#define PCL_VIS_SPOOL "the visibilities"

typedef struct pcl_vis {
    size_t npol, nblock;
    pcl_vis_block *block;
    uint64_t nflagged, nonfinite, nabsurd, nused; /* samples per plane summed over planes; of
                                                   * planes that the rows can give */
    uint64_t bytes;                               /* size of the store, in memory or in the file */
    bool in_file;
    void *store;                     /* what the blocks' large arrays point into */
    double doppler_min, doppler_max; /* relative to the first selected row of each MS */
} pcl_vis;

/* One plane: sum of terms; see plan/stokes.h, whose result this repeats in plain numbers. */
typedef struct pcl_vis_plane {
    size_t nterm; /* 0: these rows cannot give it, all its samples have weight 0 */
    size_t index[2];
    float re[2], im[2];
    bool either; /* a flagged term leaves the other alone (pseudoI) */
} pcl_vis_plane;

typedef struct pcl_vis_request {
    size_t npol;
    /* [ims][idd] flattened in order of opening: npol planes each */
    const pcl_vis_plane *plane;
    /* selected-channel range [from, to) kept of each data description, same order */
    const size_t *from, *to;
    int frame; /* image frame, or -1 */
    casa_direction direction;
    const pcl_scratch *scratch; /* where a scratch file goes; NULL: the store is in memory */
    bool by_w;          /* rows of like |w| come together, for gridders that correct for w */
    size_t window;      /* rows sorted together; 0: 2^18 (tests give less) */
    size_t sample_rows; /* read about so many rows of each MS, from all over it; 0: all of them */
} pcl_vis_request;

/* Rows that a block of at most nrow rows has room for. */
size_t pcl_vis_row_stride(size_t nrow);
/* Size of the store that pcl_vis_read will make, exactly, and of its work space besides casacore's,
 * about. */
void pcl_vis_plan(const pcl_vis_source *src, const pcl_vis_request *request, uint64_t *store_bytes,
                  uint64_t *work_bytes);

/* Called after each block of rows; a non-zero answer stops the reading with
 * -PCLEAN_EINTERRUPTED. */
typedef int pcl_vis_progress(size_t rows_done, size_t rows, void *user);

/* Serial, on purpose: worker processes are forked after it, and OpenMP must not have run in a
 * process that forks. A scratch file that does not fit: -PCLEAN_ENOSPC before anything is read. */
int pcl_vis_read(pcl_vis_source *src, const pcl_vis_request *request, pcl_vis_progress *progress,
                 void *user, pcl_vis *out, pclean_err *err) PCL_CHECK;
void pcl_vis_clear(pcl_vis *vis);

#endif
