/* setup.h: config + MeasurementSets -> everything a run needs to know before the first sample is
 * gridded. */
#ifndef PCL_SETUP_H
#define PCL_SETUP_H
#include "base/err.h"
#include "casa/casa.h"
#include "data/channels.h"
#include "data/correlations.h"
#include "data/stokes.h"
#include "data/vis.h"
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

/* Whose rest frequency it is: the parameter's, the first that an MS has for its first field and
 * window, or nobody's: the middle of the selected data. */
enum pcl_restfreq_from { PCL_RESTFREQ_GIVEN, PCL_RESTFREQ_SOURCE, PCL_RESTFREQ_MIDDLE };

typedef struct pcl_setup {
    const pclean_config *config; /* borrowed */
    pcl_params params;           /* of it */
    pcl_vis_source *source;      /* NULL once the data are read */
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

    bool all_channels; /* a weight density common to all of them is still to be counted:
                        * all are read */

    /* What to read, per data description in order of opening. */
    const pcl_scratch *scratch; /* of a file for the visibilities, borrowed; NULL: they stay in
                                 * memory */
    size_t sample_rows;         /* 0, or read about so many rows of each MS only, to measure a
                          * run's speed */
    size_t ndd;
    pcl_correlations correlations; /* [ndd] */
    size_t *from, *to;             /* [ndd] */
    /* about, flagged ones too: what chooses the gridding kernel. The same in every part, and for
     * any number of channels, or a channel's bits would depend on them */
    double samples_per_plane;
} pcl_setup;

/* What the config selects of MeasurementSet number ims; texts borrowed from it. */
casa_ms_selection pcl_setup_selection(const pclean_config *config, size_t ims);

/* Opens the MSs and resolves phase centre, planes and channel grid. Opens files read-only; writes
 * nothing. */
int pcl_setup_open(const pclean_config *config, pcl_setup *s, pclean_err *err) PCL_CHECK;
/* Of a config that brings a grid along (a part's): MSs, centre, frame and the channels that the
 * grid needs, and no more: not fit for imaging. sel: of each MS, instead of the config's. */
int pcl_setup_open_axis(const pclean_config *config, const casa_ms_selection *sel, pcl_setup *s,
                        pclean_err *err) PCL_CHECK;
/* Reads the visibilities; for mfs the band's extent over all times is known only then, so channels
 * and desc are final after this. Success closes the MSs: no table is open any more. */
int pcl_setup_read(pcl_setup *s, pcl_vis_progress *progress, void *user, pcl_vis *vis,
                   pclean_err *err) PCL_CHECK;
void pcl_setup_close(pcl_setup *s);

/* Of the whole image that this one is a part of; desc itself when it is none. */
casa_image_desc pcl_setup_whole_desc(const pcl_setup *s);

/* The channels that are read of data description k (dd), as a row shows them. *freq [row->n] holds
 * them, to be given to pcl_free. */
int pcl_setup_row_channels(const pcl_setup *s, const casa_ms_dd *dd, size_t k, double **freq,
                           pcl_row_channels *row, pclean_err *err) PCL_CHECK;

const char *pcl_setup_restfreq_from(const pcl_setup *s);
/* Where the grid was asked for in velocities and no rest frequency is known: true, and a sentence
 * that says so. */
bool pcl_setup_guesses_velocity(const pcl_setup *s, char *text, size_t size);

/* Of a continuum image: the grid when the Doppler factor runs from `least` to `most` times that of
 * the first row. */
int pcl_setup_widen(pcl_setup *s, double least, double most, pclean_err *err) PCL_CHECK;

/* The same setup for nchan channels from `offset` on: channels, desc, from and to. Needs open
 * MSs. */
int pcl_setup_narrow(pcl_setup *s, size_t offset, size_t nchan, pclean_err *err) PCL_CHECK;

#endif
