/* source.h: the MeasurementSets of an image, opened, as one flat list of spectral windows.
 *
 * A window is the rows of one data description (spectral window x polarization) of one MS. The list
 * is made once; whoever asks something of all data walks it, or the part of it that is one MS's. It
 * has the order of the MSs, and in each that of the data descriptions. casacore is behind it, so
 * all of this is for one thread, and the source must be closed before a fork. */
#ifndef PCL_SOURCE_H
#define PCL_SOURCE_H
#include "base/err.h"
#include "casa/casa.h"
#include "data/channels.h"
#include "data/rotation.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pcl_window {
    size_t ims, idd;          /* number of the MS, and of the data description in it */
    const casa_ms_info *info; /* of the MS */
    const casa_ms_dd *dd;
    const double *freq_hz; /* [dd->nchansel] of the selected channels, in the data's frame */
    double spacing_hz;     /* of the window's channels, whichever are selected */
    size_t from, to;       /* the selected channels [from, to) that are read: all of them, until
                            * somebody narrows the range */
    double doppler0;       /* image frame / data frame at the MS's first selected row; 1 until
                            * pcl_source_set_frame */
} pcl_window;

typedef struct pcl_source {
    size_t nms;
    casa_ms **ms;              /* [nms] */
    const casa_ms_info **info; /* [nms] */
    size_t nwindow;
    pcl_window *window;       /* [nwindow] */
    size_t *first;            /* [nms + 1] the windows of MS i: [first[i], first[i + 1]) */
    double *freq_hz;          /* what the windows' freq_hz point into */
    int frame;                /* the image's spectral frame, -1: the data's own */
    casa_direction direction; /* that the change of frame is for */
    pcl_rotation **rotation;  /* [nms][info->nfield] of each field to the image's centre; an element
                               * NULL: all fields of the MS are centred there */
} pcl_source;

/* path, sel [nms]; a selection may leave an MS without a window (spw "-1"): it is described, and
 * none of its rows is read. *out to be closed. */
int pcl_source_open(size_t nms, const char *const *path, const casa_ms_selection *sel,
                    pcl_source **out, pclean_err *err) PCL_CHECK;
void pcl_source_close(pcl_source *src); /* NULL is allowed */

/* The frame that frequencies are brought to (-1: none, specmode cubedata), and doppler0 of every
 * window. used [nwindow], NULL: all; a window that is not used may be one whose frequencies cannot
 * be brought there (its doppler0 stays 1), for others that is -PCLEAN_EDATA. */
int pcl_source_set_frame(pcl_source *src, int frame, const casa_direction *direction,
                         const bool *used, pclean_err *err) PCL_CHECK;

/* Where the image is centred: from here on the source has the rotations of its fields. */
int pcl_source_set_centre(pcl_source *src, const casa_direction *centre, pclean_err *err) PCL_CHECK;

/* How the rows of a field are rotated; NULL: they are not. */
const pcl_rotation *pcl_source_rotation(const pcl_source *src, size_t ims, int field_id);

/* factor[i] = image frame / data frame of the window at time_s[i] [ntime]; 1 when the frames are
 * the same. */
int pcl_source_doppler(const pcl_source *src, const pcl_window *w, size_t ntime,
                       const double *time_s, double *factor, pclean_err *err) PCL_CHECK;

/* Widens [*least, *most] by factor [ntime] relative to doppler0, the factor of the MS's first
 * selected row. */
void pcl_source_widen(const pcl_window *w, size_t ntime, const double *factor, double *least,
                      double *most);

/* uvw_m [nwindow]: largest |u|, |v|, |w| in m of the rows of each window that imaging uses,
 * as the image's centre sees them. Reads the column UVW. */
int pcl_source_largest_uvw(const pcl_source *src, double (*uvw_m)[3], pclean_err *err) PCL_CHECK;

/* The channels of the window that are read. Borrowed from the source. */
static inline pcl_row_channels pcl_window_channels(const pcl_window *w) {
    return (pcl_row_channels){
        .n = w->to - w->from, .freq_hz = w->freq_hz + w->from, .spacing_hz = w->spacing_hz};
}

#endif
