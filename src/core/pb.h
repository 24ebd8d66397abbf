/* pb.h: primary beams (power patterns, 1 at the pointing centre) by telescope. */
#ifndef PCL_PB_H
#define PCL_PB_H
#include "base/err.h"
#include "core/raster.h"
#include <stdbool.h>
#include <stddef.h>

enum { PCL_PB_SAMPLES = 10000 }; /* as CASA */

/* The beam of one telescope at one frequency. 40 kB, no pointers of its own. */
typedef struct pcl_pb {
    const char *name;        /* which model, for the run record; static storage */
    bool known;              /* false: neither the telescope nor its dishes are: 1 everywhere */
    double reach_arcmin_ghz; /* radius x frequency of the last sample; beyond it the beam is 0;
                              * may be INFINITY */
    double freq_hz;
    float power[PCL_PB_SAMPLES]; /* at equal steps of radius x frequency, from 0 to the reach */
} pcl_pb;

/* Chooses and tabulates the model. telescope: TELESCOPE_NAME of the OBSERVATION table (any case).
 * dish_diameter_m: of the first antenna; for telescopes without a model of their own, and to tell
 * ALMA's 7 m array (below 12 m); 0: unknown. first_hz: the frequency of the image's first channel,
 * which chooses between the models of a telescope's receivers; freq_hz: that of the plane. Same
 * choice and numbers as tclean's standard gridder for ALMA, ACA, VLA, EVLA, NGVLA, ATCA, BIMA,
 * OVRO, SMA, IRAM, ATA, GBT, NRAO12M and by diameter; other, published models for MeerKAT, GMRT,
 * WSRT, ASKAP (docs/compat-tclean.md). Errors: -PCLEAN_EPARAM: frequency not positive. */
int pcl_pb_init(pcl_pb *pb, const char *telescope, double dish_diameter_m, double first_hz,
                double freq_hz, pclean_err *err) PCL_CHECK;

/* false: pcl_pb_init has nothing better than 1 everywhere. */
bool pcl_pb_is_known(const char *telescope, double dish_diameter_m);

/* Power at a distance from the pointing centre, rad. */
float pcl_pb_at(const pcl_pb *pb, double radius_rad);

/* The beam on a pixel grid: out [ny][nx], pointing at pixel (centre_x, centre_y), which may lie
 * outside. Distances are those of the projected plane, as CASA takes them. */
void pcl_pb_fill(const pcl_pb *pb, const pcl_raster *raster, double centre_x, double centre_y,
                 float *out);

/* tclean's .pb: values not above |pblimit| become 0. In place, n pixels. Its mask is then pb >
 * |pblimit|. */
void pcl_pb_cut(float *pb, size_t n, float pblimit);

#endif
