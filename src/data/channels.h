/* channels.h: the frequency grid of a cube, resolved ONCE for the whole image, and which data
 * channels feed which image channel. Pure arithmetic. The rules are tclean's
 * (docs/compat-tclean.md): a start given as channel number means the edge of that data channel,
 * given as frequency or velocity the centre of image channel 0.
 *
 * A change of spectral frame multiplies every frequency of a row by one Doppler factor, so a grid
 * is laid out in the image's frame with the factor of the first selected row, and each row is
 * mapped with its own. */
#ifndef PCL_CHANNELS_H
#define PCL_CHANNELS_H
#include "base/err.h"
#include <stdbool.h>
#include <stddef.h>

/* One spectral window of the data. */
typedef struct pcl_band {
    size_t nchan;
    const double *freq_hz, *width_hz; /* [nchan] centres, ascending or descending, and absolute
                                       * widths in the data's frame */
    const int *number; /* [nchan] what a channel number in `start` means; NULL: 0, 1, 2 ... */
    size_t nsel;
    const int *sel; /* [nsel] selected channels, ascending */
    double doppler; /* image frame / data frame at the first selected row */
} pcl_band;

typedef struct pcl_channel_request {
    bool mfs;
    int nchan;                       /* -1: all */
    const char *start, *width;       /* "", channels, frequency or velocity */
    double restfreq_hz;              /* for velocities; 0: not known */
    bool optical;                    /* velocities are optical (start only) */
    bool nearest;                    /* interpolation */
    double doppler_min, doppler_max; /* mfs: range over all rows, relative to the first (1, 1
                                      * when the frame is the data's) */
} pcl_channel_request;

/* An image, or a part of one: the grid is always the whole image's, so that a channel of a part has
 * the very frequency, and the very rule of interpolation, that it has in the whole. */
typedef struct pcl_channels {
    size_t nchan;
    size_t offset;   /* channel 0 is channel `offset` of the grid; 0 but for a part */
    size_t whole;    /* channels of the grid */
    double first_hz; /* centre of the grid's channel 0 in the image's frame */
    double step_hz;  /* negative: descending */
    bool mfs;        /* one channel that takes every selected data channel */
    bool nearest;    /* also for every whole image of one channel */
} pcl_channels;

/* Centre of a channel in the image's frame. */
double pcl_channels_centre(const pcl_channels *c, size_t ichan);

/* The first band sets what "channel number" and "data width" mean; all bands together set the
 * extent. */
int pcl_channels_resolve(const pcl_channel_request *request, size_t nband, const pcl_band *band,
                         pcl_channels *out, pclean_err *err) PCL_CHECK;

/* One sample of a row for an image channel: value = (1 - alpha) * data[lo] + alpha * data[hi];
 * dropped when either is flagged. lo, hi, near are indices into the row's channels. */
typedef struct pcl_channel_sample {
    int lo, hi;
    int near; /* data channel whose uv position the weight is looked up with */
    float alpha;
    double freq_hz; /* in the image's frame */
} pcl_channel_sample;

/* Data channels of a row. */
typedef struct pcl_row_channels {
    size_t n;
    const double *freq_hz; /* [n] ascending or descending, data frame */
    double spacing_hz;     /* of the spectral window's channels, whichever of them are here; the
                            * smallest of unequal ones */
} pcl_row_channels;

/* Most samples that a row of these data channels can give to one image channel. */
size_t pcl_channels_max_samples(const pcl_channels *c, const pcl_row_channels *row);

/* Samples that a row with this Doppler factor gives to image channel ichan; returns their number
 * (0: the row has no data there). */
size_t pcl_channels_samples(const pcl_channels *c, size_t ichan, const pcl_row_channels *row,
                            double doppler, pcl_channel_sample *out);

/* Range [*from, *to) of the data channels that any row with a Doppler factor in [dmin, dmax] can
 * need, and one more at each side: empty, or at least two where there are two. */
void pcl_channels_needed(const pcl_channels *c, size_t nfreq, const double *freq_hz, double dmin,
                         double dmax, size_t *from, size_t *to);

#endif
