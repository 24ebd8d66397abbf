/* vis.h: MeasurementSets -> plain arrays. The MSs are read once, in row blocks, into a packed store; all that follows
 * (weights, PSF, residuals of every major cycle) reads the store and never casacore.
 *
 * Store, for each data description of each MS (a "block"): vis and weight [npol][nchan][row_stride], row fastest, so the
 * samples of one image channel lie together; 12 bytes per visibility and Stokes plane. Weight 0 marks a sample that is
 * flagged, not finite or has no weight. Rows in which no sample is left are not stored. */
#ifndef PCL_VIS_H
#define PCL_VIS_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/err.h"
#include "casa/casa.h"

/* ---- opened MSs, before reading */
typedef struct pcl_vis_source pcl_vis_source;
int pcl_vis_open(size_t nms, const char *const *path, const casa_ms_selection *sel, pcl_vis_source **out, pclean_err *err)
    PCL_CHECK;
void pcl_vis_close(pcl_vis_source *src);
size_t pcl_vis_source_count(const pcl_vis_source *src);
const casa_ms_info *pcl_vis_source_info(const pcl_vis_source *src, size_t ims);

/* Image frame / data frame for data description idd of MS ims at time_s; 1 when the frames are the same.
 * frame < 0: no conversion (specmode cubedata). */
int pcl_vis_doppler(const pcl_vis_source *src, size_t ims, size_t idd, int frame, const casa_direction *dir, size_t ntime,
                    const double *time_s, double *factor, pclean_err *err) PCL_CHECK;

/* ---- the store */
typedef struct pcl_vis_block {
    size_t nrow, row_stride;
    double *u_m, *v_m, *w_m; /* [nrow] */
    uint32_t *itime;         /* [nrow] index into doppler */
    size_t ntime;
    double *time_s, *doppler; /* [ntime] image frame / data frame */
    size_t nchan;
    double *freq_hz; /* [nchan] data frame: the observed frequency */
    float *vis;      /* [npol][nchan][row_stride][2] */
    float *weight;   /* [npol][nchan][row_stride] natural weight */
} pcl_vis_block;

typedef struct pcl_vis {
    size_t npol, nblock;
    pcl_vis_block *block;
    uint64_t nflagged, nonfinite, nused; /* samples per plane summed over planes */
    uint64_t bytes;                      /* memory of the store */
    double doppler_min, doppler_max;     /* relative to the first selected row of each MS */
} pcl_vis;

/* One plane: sum of terms; see plan/stokes.h, whose result this repeats in plain numbers. */
typedef struct pcl_vis_plane {
    size_t nterm;
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
} pcl_vis_request;

/* Called after each block of rows; a non-zero answer stops the reading with -PCLEAN_EINTERRUPTED. */
typedef int pcl_vis_progress(size_t rows_done, size_t rows, void *user);

int pcl_vis_read(pcl_vis_source *src, const pcl_vis_request *request, pcl_vis_progress *progress, void *user, pcl_vis *out,
                 pclean_err *err) PCL_CHECK;
void pcl_vis_clear(pcl_vis *vis);

#endif
