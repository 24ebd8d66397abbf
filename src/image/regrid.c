#include "image/regrid.h"
#include "base/mem.h"
#include <math.h>
#include <string.h>

/* ---- the sky ---- */

/* East, north and the direction itself, at the centre of an image. */
typedef struct basis {
    double axis[3][3];
} basis;

static void unit_vector(double lon, double lat, double v[3]) {
    v[0] = cos(lat) * cos(lon);
    v[1] = cos(lat) * sin(lon);
    v[2] = sin(lat);
}

static double dot(const double a[3], const double b[3]) {
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* From the centre and a point north of it. */
static void make_basis(const casa_direction *centre, const casa_direction *north, basis *b) {
    double *l = b->axis[0], *m = b->axis[1], *n = b->axis[2];
    unit_vector(centre->lon_rad, centre->lat_rad, n);
    unit_vector(north->lon_rad, north->lat_rad, m);
    const double along = dot(m, n);
    for (int i = 0; i < 3; i++)
        m[i] -= along * n[i];
    const double length = sqrt(dot(m, m));
    for (int i = 0; i < 3; i++)
        m[i] /= length;
    for (int i = 0; i < 3; i++)
        l[i] = m[(i + 1) % 3] * n[(i + 2) % 3] - m[(i + 2) % 3] * n[(i + 1) % 3];
}

/* The image's axes in the frame of the other image. */
static int find_basis(const casa_image_desc *d, int frame, basis *b, pclean_err *err) {
    casa_direction centre = d->centre, north = d->centre;
    north.lat_rad += 1e-4; /* over the pole is north, too */
    int rc = 0;
    if (frame != d->centre.frame && !(rc = casa_direction_convert(&d->centre, frame, &centre, err)))
        rc = casa_direction_convert(&north, frame, &north, err);
    if (!rc)
        make_basis(&centre, &north, b);
    return rc;
}

static int map_pixels(const casa_image_desc *has, const casa_image_desc *image, pcl_regrid *out,
                      pclean_err *err) {
    basis to, from;
    double turn[3][3];
    int rc = find_basis(image, has->centre.frame, &from, err);
    rc = rc ? rc : find_basis(has, has->centre.frame, &to, err);
    rc = rc ? rc : PCL_NEW(&out->pixel, image->nx * image->ny, "regridded mask", err);
    if (rc)
        return rc;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            turn[i][k] = dot(to.axis[i], from.axis[k]);
    for (size_t i = 0; i < image->nx * image->ny; i++) {
        const double l = ((double)(i % image->nx) - image->crpix_x) * image->increment_x_rad,
                     m = ((double)(i / image->nx) - image->crpix_y) * image->increment_y_rad,
                     v[3] = {l, m, sqrt(fmax(0, 1 - l * l - m * m))};
        const double x = floor(has->crpix_x + dot(turn[0], v) / has->increment_x_rad + 0.5),
                     y = floor(has->crpix_y + dot(turn[1], v) / has->increment_y_rad + 0.5);
        const bool inside = l * l + m * m < 1 && dot(turn[2], v) > 0 && x >= 0 && y >= 0 &&
                            x < (double)has->nx && y < (double)has->ny;
        out->pixel[i] = inside ? (uint32_t)y * (uint32_t)has->nx + (uint32_t)x : PCL_REGRID_NONE;
        out->noverlap += inside;
    }
    return 0;
}

/* ---- channels ---- */

static double frequency(const casa_image_desc *d, size_t chan) {
    return d->chan_freq_hz ? d->chan_freq_hz[chan] : d->crval_hz + (double)chan * d->cdelt_hz;
}

/* casacore reads an axis without a frame as REST or as Undefined. */
static int frame_of(const casa_image_desc *d) {
    return d->freq_frame <= 0 ? CASA_FREQ_UNDEFINED : d->freq_frame;
}

/* The frequencies of `has` in the image's frame. */
static int convert(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                   double *hz, pclean_err *err) {
    const casa_frame_change change = {.from = has->freq_frame,
                                      .to = image->freq_frame,
                                      .position_itrf_m = {image->position_itrf_m[0],
                                                          image->position_itrf_m[1],
                                                          image->position_itrf_m[2]},
                                      .time_ref = image->time_ref,
                                      .direction = image->centre};
    double factor = 1;
    int rc = 0;
    if (frame_of(has) != frame_of(image)) {
        const bool known =
            frame_of(has) != CASA_FREQ_UNDEFINED && frame_of(image) != CASA_FREQ_UNDEFINED;
        rc = known ? casa_doppler(&change, 1, &image->obsdate_s, &factor, err)
                   : PCL_FAIL(err, PCLEAN_EPARAM, "it or the image has no frequency frame");
    }
    if (rc)
        pcl_err_prefix(err, "the channels of %s cannot be brought to the image's: ", what);
    for (size_t i = 0; i < has->nchan && !rc; i++)
        hz[i] = frequency(has, i) * factor;
    return rc;
}

/* The channel of hz [n], which rise or fall, that holds f. */
static uint32_t channel_of(const double *hz, size_t n, double f) {
    const double sign = hz[n - 1] < hz[0] ? -1 : 1;
    size_t low = 0, high = n - 1;
    while (high - low > 1) {
        const size_t middle = (low + high) / 2;
        *(sign * hz[middle] <= sign * f ? &low : &high) = middle;
    }
    const size_t nearest = fabs(hz[low] - f) <= fabs(hz[high] - f) ? low : high;
    return fabs(hz[nearest] - f) <= 0.5001 * fabs(hz[high] - hz[low]) ? (uint32_t)nearest
                                                                      : PCL_REGRID_NONE;
}

static int map_channels(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                        pcl_regrid *out, pclean_err *err) {
    double *hz = NULL;
    out->nchannels = image->nchan;
    if (has->nchan == 1)
        return 0;
    out->nchannels = 0;
    int rc = PCL_NEW(&hz, has->nchan, "channels of a mask", err);
    rc = rc ? rc : PCL_NEW(&out->chan, image->nchan, "channels of a mask", err);
    rc = rc ? rc : convert(what, has, image, hz, err);
    for (size_t i = 0; i < image->nchan && !rc; i++) {
        out->chan[i] = channel_of(hz, has->nchan, frequency(image, i));
        out->nchannels += out->chan[i] != PCL_REGRID_NONE;
    }
    pcl_free(hz);
    return rc;
}

/* ---- all of it ---- */

static int map_stokes(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                      pcl_regrid *out, pclean_err *err) {
    for (size_t p = 0; p < image->npol && has->npol > 1; p++) {
        while (out->pol[p] < has->npol && has->stokes[out->pol[p]] != image->stokes[p])
            out->pol[p]++;
        if (out->pol[p] == has->npol)
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "%s has no plane of the image's Stokes parameter %s", what,
                            casa_stokes_name(image->stokes[p]));
    }
    return 0;
}

int pcl_regrid_plan(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                    pcl_regrid *out, pclean_err *err) {
    *out = (pcl_regrid){.nx = image->nx, .ny = image->ny};
    if (strcmp(has->projection, "SIN") != 0 || strcmp(image->projection, "SIN") != 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s has the projection %s, the image %s; regrid it first (imregrid)", what,
                        has->projection, image->projection);
    if (has->nx * has->ny >= PCL_REGRID_NONE)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s has too many pixels to be regridded", what);
    int rc = map_stokes(what, has, image, out, err);
    rc = rc ? rc : map_pixels(has, image, out, err);
    return rc ? rc : map_channels(what, has, image, out, err);
}

void pcl_regrid_plane(const pcl_regrid *regrid, const bool *from, bool *plane) {
    for (size_t i = 0; i < regrid->nx * regrid->ny; i++)
        plane[i] = regrid->pixel[i] != PCL_REGRID_NONE && from[regrid->pixel[i]];
}

void pcl_regrid_clear(pcl_regrid *regrid) {
    pcl_free(regrid->pixel);
    pcl_free(regrid->chan);
    *regrid = (pcl_regrid){0};
}
