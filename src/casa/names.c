/* names.c: codes, names and sizes of casacore's that need no casacore (casa.h): compiled into the
 * caller's library as well. casa_init holds the names against casacore's own. */
#include "casa/casa.h"
#include <strings.h>

static const char *const direction_frames[] = {
    "J2000",     "JMEAN",     "JTRUE",    "APP",    "B1950",   "B1950_VLA", "BMEAN", "BTRUE",
    "GALACTIC",  "HADEC",     "AZEL",     "AZELSW", "AZELGEO", "AZELSWGEO", "JNAT",  "ECLIPTIC",
    "MECLIPTIC", "TECLIPTIC", "SUPERGAL", "ITRF",   "TOPO",    "ICRS"};

static const char *const freq_frames[] = {"REST", "LSRK",    "LSRD",   "BARY", "GEO",
                                          "TOPO", "GALACTO", "LGROUP", "CMB"};

static const char *const stokes[] = {
    "??",     "I",      "Q",       "U",       "V",        "RR",    "RL", "LR",        "LL",
    "XX",     "XY",     "YX",      "YY",      "RX",       "RY",    "LX", "LY",        "XR",
    "XL",     "YR",     "YL",      "PP",      "PQ",       "QP",    "QQ", "RCircular", "LCircular",
    "Linear", "Ptotal", "Plinear", "PFtotal", "PFlinear", "Pangle"};

enum {
    NDIRECTION = sizeof direction_frames / sizeof *direction_frames,
    NFREQ = sizeof freq_frames / sizeof *freq_frames,
    NSTOKES = sizeof stokes / sizeof *stokes
};

const char *casa_direction_frame_name(int frame) {
    return frame >= 0 && frame < NDIRECTION ? direction_frames[frame] : "unknown";
}

const char *casa_freq_frame_name(int frame) {
    return frame >= 0 && frame < NFREQ ? freq_frames[frame] : "Undefined";
}

const char *casa_stokes_name(int code) {
    return code > 0 && code < NSTOKES ? stokes[code] : "??";
}

int casa_freq_frame_parse(const char *name, int *frame, pclean_err *err) {
    for (int i = 0; i < NFREQ; i++)
        if (name && strcasecmp(name, freq_frames[i]) == 0) {
            *frame = i;
            return 0;
        }
    return PCL_FAIL(
        err, PCLEAN_EPARAM,
        "spectral frame \"%s\" is not one of REST LSRK LSRD BARY GEO TOPO GALACTO LGROUP CMB",
        name ? name : "");
}

/* About 128 pixels a side, as tclean's, but dividing the side as evenly as can be: little of the
 * file is padding. */
size_t casa_image_tile_edge(size_t n) {
    const size_t count = (n + 127) / 128;
    return (n + count - 1) / count;
}

uint64_t casa_image_bytes(const casa_image_desc *d, bool mask) {
    const size_t x = casa_image_tile_edge(d->nx), y = casa_image_tile_edge(d->ny);
    const uint64_t ntile = (uint64_t)((d->nx + x - 1) / x) * ((d->ny + y - 1) / y);
    const uint64_t plane = ntile * x * y * sizeof(float),
                   mask_plane = mask ? ntile * ((x * y + 7) / 8) : 0;
    return (uint64_t)d->npol * d->nchan * (plane + mask_plane);
}
