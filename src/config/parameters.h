/* parameters.h: what stands behind the opaque pclean_config, one field for each row of the table of
 * parameters (options.c). Pure data; const once validated. Strings are owned by the config and
 * never NULL ("" = not set) once pcl_config_init has seen it. */
#ifndef PCL_PARAMETERS_H
#define PCL_PARAMETERS_H
#include "pclean/config.h"
#include <stdbool.h>
#include <stddef.h>

typedef struct pclean_strlist {
    size_t n;
    char **item;
} pclean_strlist;

/* Enumerations: values are the index in the parameter's list of choices. */
enum pclean_datacolumn {
    PCLEAN_DATACOLUMN_CORRECTED,
    PCLEAN_DATACOLUMN_DATA,
    PCLEAN_DATACOLUMN_MODEL
};
enum pclean_specmode { PCLEAN_SPECMODE_MFS, PCLEAN_SPECMODE_CUBE, PCLEAN_SPECMODE_CUBEDATA };
enum pclean_interpolation { PCLEAN_INTERPOLATION_LINEAR, PCLEAN_INTERPOLATION_NEAREST };
enum pclean_weighting {
    PCLEAN_WEIGHTING_NATURAL,
    PCLEAN_WEIGHTING_UNIFORM,
    PCLEAN_WEIGHTING_BRIGGS,
    PCLEAN_WEIGHTING_BRIGGSABS,
    PCLEAN_WEIGHTING_BRIGGSBWTAPER,
    PCLEAN_WEIGHTING_RADIAL,
    PCLEAN_WEIGHTING_SUPERUNIFORM
};
enum pclean_gridder { PCLEAN_GRIDDER_STANDARD, PCLEAN_GRIDDER_WPROJECT, PCLEAN_GRIDDER_WIDEFIELD };
enum pclean_deconvolver {
    PCLEAN_DECONVOLVER_HOGBOM,
    PCLEAN_DECONVOLVER_CLARK,
    PCLEAN_DECONVOLVER_CLARKSTOKES
};
enum pclean_usemask { PCLEAN_USEMASK_USER, PCLEAN_USEMASK_PB, PCLEAN_USEMASK_AUTO };
enum pclean_cyclecontrol { PCLEAN_CYCLECONTROL_CHANNEL, PCLEAN_CYCLECONTROL_GLOBAL };
enum pclean_veltype { PCLEAN_VELTYPE_RADIO, PCLEAN_VELTYPE_OPTICAL };
enum pclean_progress_mode {
    PCLEAN_PROGRESS_AUTO,
    PCLEAN_PROGRESS_BAR,
    PCLEAN_PROGRESS_LINES,
    PCLEAN_PROGRESS_JSON,
    PCLEAN_PROGRESS_NONE
};

struct pclean_config {
    /* selection */
    pclean_strlist vis;
    /* one text for all MSs, or one for each; spw "-1": no window of that MS */
    pclean_strlist field, timerange, uvrange, antenna, scan, observation, intent, spw, taql;
    bool selectdata; /* false: timerange to intent are passed over */
    int datacolumn;
    bool mix_columns; /* datacolumn corrected: DATA of the MSs without CORRECTED_DATA,
                       * beside CORRECTED_DATA of others */
    /* image */
    char *imagename;
    int imsize[2];      /* pixels, x (RA) then y (Dec); one given value is used for both */
    double cell_rad[2]; /* one given value is used for both */
    char *phasecenter;  /* "", field id, or "J2000 12h56m44 21d41m05" */
    char *stokes;       /* "I", "IQUV", "RR", "pseudoI" ... */
    char *projection;   /* SIN */
    pclean_strlist startmodel;
    int specmode;
    int nchan;           /* -1: all from start to the band's edge */
    char *start, *width; /* "", channel number, frequency or velocity with unit */
    char *outframe;      /* LSRK, BARY, TOPO ... */
    int veltype;
    pclean_strlist restfreq; /* empty, or "1.420405752GHz"; the first counts */
    int interpolation;
    bool perchanweightdensity;
    /* grid */
    int gridder;
    int wprojplanes; /* accepted, without effect: the accuracy decides */
    double accuracy; /* rms error of a dirty image over its peak; 1e-6 ... 1e-2 */
    double pblimit;
    /* weight */
    int weighting;
    double robust;
    double noise_jy;        /* of briggsabs */
    int npixels;            /* of the density: its box, or its size (imager/weighing.c) */
    char *fracbw;           /* of the whole cube, for briggsbwtaper: a number; "", 0: its own */
    pclean_strlist uvtaper; /* "1klambda" | "60arcsec" | "100m" | major, minor, pa */
    /* deconvolution */
    int deconvolver;
    bool restoration;
    pclean_strlist restoringbeam; /* empty: each plane's fitted beam; "common"; or major[,
                                   * minor, pa] */
    bool pbcor;
    int usemask;
    pclean_strlist mask; /* empty, or CASA images, region files or region texts: all together */
    double pbmask;
    /* of automatic masks */
    double sidelobethreshold, noisethreshold, lownoisethreshold, negativethreshold;
    double smoothfactor, minbeamfrac, cutthreshold;
    int growiterations;
    bool dogrowprune;
    double minpercentchange; /* percent; negative: off */
    double psfcutoff;
    /* iteration */
    int niter;
    double gain;
    double threshold_jy;
    double nsigma;
    bool fastnoise;    /* of the noise for nsigma and for automatic masks */
    double noiselimit; /* 0: no plane is noise alone */
    bool skipnoise;
    int cycleniter; /* -1: niter */
    double cyclefactor, minpsffraction, maxpsffraction;
    int nmajor; /* -1: no limit */
    int nretry; /* of a plane that diverges */
    bool fullsummary;
    int cyclecontrol;
    /* normalization */
    /* (normtype etc. arrive with the gridders that need them) */
    /* misc */
    bool overwrite;
    bool allow_empty; /* nothing to clean is no failure */
    bool restart;     /* continue from the .model of an earlier run of the same name */
    int progress;
    bool verbose;
    /* cluster */
    int nworkers;  /* processes that image planes; 0: as planes, cores and memory allow */
    int threads;   /* of each worker; 0: the cores this process may use, divided among
                    * the workers */
    char *scratch; /* folder in which the visibilities are kept in a file; "": in memory
                    * while they fit there */
    bool keep_subcubes;
    int concat_mode;
    int cube_chunksize; /* channels of a sub-cube, or of a part (pclean_partition_nparts); -1:
                         * one for each worker, or as many as asked for */
    char *memory;       /* "16GiB" that all processes of the run may use; "": what this
                         * process may use */
    char *memory_limit; /* "4GB", "4GiB", "0.5" (of the above): each worker, with what it
                         * shares; "0", "auto": no such limit */
    /* part: what a part takes over from the whole image, written by pclean_partition_...
     * (partition.h) */
    int part_channel; /* first channel in the whole image; -1: not a part, the rest has no
                       * meaning */
    int part_nchan;
    double part_start_hz, part_width_hz;
    double part_epoch_s;                   /* in the reference of the first MS's TIME */
    double part_samples, part_wmax_lambda; /* 0: the part's own */
    char *part_density;                    /* file; "": the part's own */
    /* "name=value": what was asked for of tclean that this version lacks. Made by pclean_config_set
     * and its like; judged by pclean_config_validate, as it may have no effect on this run. */
    pclean_strlist asked;
};

#endif
