/* setup.h: config + MeasurementSets -> everything a run needs to know before the first sample is
 * gridded. */
#ifndef PCL_SETUP_H
#define PCL_SETUP_H
#include "base/err.h"
#include "casa/casa.h"
#include "data/channels.h"
#include "data/correlations.h"
#include "data/fill.h"
#include "data/source.h"
#include "data/stokes.h"
#include "data/store.h"
#include "imager/params.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is worth saying about a MeasurementSet after it is closed. */
typedef struct pcl_setup_ms {
    char *path, *datacolumn, *telescope;
    size_t nrow, nrow_auto;
    uint64_t column_bytes;
} pcl_setup_ms;

/* Where the rest frequency is from: the parameter, the first MS that has one for its first field
 * and window, or, where nobody knows it, the middle of the selected data. */
enum pcl_restfreq_from { PCL_RESTFREQ_GIVEN, PCL_RESTFREQ_SOURCE, PCL_RESTFREQ_MIDDLE };

typedef struct pcl_setup {
    const pclean_config *config; /* borrowed */
    pcl_params params;           /* what it asks of the imager */
    pcl_source *source;          /* the opened MSs and which channels of them are read; NULL once
                                  * the data are read */
    bool part;                   /* of a larger image, whose grid and epoch the config brings
                                  * along */
    size_t nms;
    pcl_setup_ms *ms; /* [nms] */
    size_t nwarning;
    char **warning; /* [nwarning] about the MSs: for the caller to tell */
    char *text[4];  /* telescope, observer, object, time reference: of desc */
    pcl_stokes stokes;
    casa_direction centre; /* of the image, in the frame it is labelled with */
    int frame;             /* image's spectral frame, -1: the data's own, whatever it is
                            * (cubedata) */
    double restfreq_hz;
    enum pcl_restfreq_from restfreq_from;
    pcl_channels channels;
    casa_image_desc desc; /* of every product but .sumwt; strings borrowed from here and the
                           * config */
    double epoch_s;       /* TIME at which frequencies were brought to the image's frame: the
                           * first selected row's */
    double dish_diameter_m;
    size_t npointing;      /* imager/pointing.h; 1: the one field's */
    double (*pointing)[2]; /* [npointing] pixel in x and y, which may lie outside the image */

    bool all_channels; /* a weight density common to all of them is still to be counted:
                        * all are read */

    /* How to read. */
    const pcl_scratch *scratch;    /* of a file for the visibilities, borrowed; NULL: they stay in
                                 * memory */
    size_t sample_rows;            /* 0, or read about so many rows of each MS only, to measure a
                          * run's speed */
    pcl_correlations correlations; /* of the source's windows */
    /* About, flagged ones too. It chooses the gridding kernel and the number of slices, so it is
     * the same in every part and for any number of channels: a channel's bits do not depend on
     * these. */
    double samples_per_plane;
} pcl_setup;

/* What the config selects of MeasurementSet number ims; texts borrowed from it. */
casa_ms_selection pcl_setup_selection(const pclean_config *config, size_t ims);

/* Opens the MSs and resolves phase centre, planes and channel grid. Opens files read-only; writes
 * nothing. */
int pcl_setup_open(const pclean_config *config, pcl_setup *s, pclean_err *err) PCL_CHECK;
/* A smaller setup for a config that brings its grid along (a part's): MSs, centre, frame and the
 * channels that the grid needs. It is not fit for imaging. sel [nms] stands for the config's
 * selection. */
int pcl_setup_open_axis(const pclean_config *config, const casa_ms_selection *sel, pcl_setup *s,
                        pclean_err *err) PCL_CHECK;
/* What the store of this setup holds. Borrows from it. */
pcl_fill_request pcl_setup_request(const pcl_setup *s);
/* Reads the visibilities; for mfs the band's extent over all times is known only then, so channels
 * and desc are final after this. Success closes the MSs: no table is open any more. */
int pcl_setup_read(pcl_setup *s, pcl_fill_progress *progress, void *user, pcl_store *vis,
                   pclean_err *err) PCL_CHECK;
void pcl_setup_close(pcl_setup *s);

/* Slices of the rows over which its planes are summed (imager/slices.h). */
size_t pcl_setup_nslice(const pcl_setup *s);

/* Fractional bandwidth of the whole cube, for weighting briggsbwtaper: what the config says, else
 * 2 (fmax - fmin) / (fmax + fmin) of the centres of its channels; 0 of a single one. */
double pcl_setup_fracbw(const pcl_setup *s);

/* The description of the whole image that this one is a part of; desc itself when it is none. */
casa_image_desc pcl_setup_whole_desc(const pcl_setup *s);

const char *pcl_setup_restfreq_from(const pcl_setup *s);
/* Where the grid was asked for in velocities and no rest frequency is known: true, and a sentence
 * that says so. */
bool pcl_setup_guesses_velocity(const pcl_setup *s, char *text, size_t size);

/* A continuum image gets the grid that it has when the Doppler factor runs from `least` to `most`
 * times that of the first row. */
int pcl_setup_widen(pcl_setup *s, double least, double most, pclean_err *err) PCL_CHECK;

/* The same setup for nchan channels from `offset` on: channels, desc, and which channels of the
 * data are read. Needs open MSs. */
void pcl_setup_narrow(pcl_setup *s, size_t offset, size_t nchan);

#endif
