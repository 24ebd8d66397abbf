#include "image/samegrid.h"
#include <math.h>
#include <string.h>

static const double most_pixels = 0.05; /* by which a pixel may be off on the sky, anywhere in
                                         * the image */
static const double most_channels = 0.05;

bool pcl_samegrid_sky_to_pixel(const casa_image_desc *d, double lon, double lat, double *x,
                               double *y) {
    double dlon = lon - d->centre.lon_rad, s0 = sin(d->centre.lat_rad), c0 = cos(d->centre.lat_rad);
    double l = cos(lat) * sin(dlon), m = sin(lat) * c0 - cos(lat) * s0 * cos(dlon);
    *x = d->crpix_x + l / d->increment_x_rad;
    *y = d->crpix_y + m / d->increment_y_rad;
    return sin(lat) * s0 + cos(lat) * c0 * cos(dlon) > 0;
}

static double frequency(const casa_image_desc *d, size_t chan) {
    return d->chan_freq_hz ? d->chan_freq_hz[chan] : d->crval_hz + (double)chan * d->cdelt_hz;
}

/* Whether a point of has, given by its longitude and latitude there, falls on the same pixel in the
 * image. */
static int is_same_place(const casa_image_desc *has, const casa_image_desc *image, double lon,
                         double lat, bool *same, pclean_err *err) {
    double x, y, want_x, want_y;
    casa_direction at = {has->centre.frame, lon, lat};
    int rc = at.frame == image->centre.frame
                 ? 0
                 : casa_direction_convert(&at, image->centre.frame, &at, err);
    if (rc)
        return rc;
    const bool near = pcl_samegrid_sky_to_pixel(image, at.lon_rad, at.lat_rad, &x, &y);
    (void)pcl_samegrid_sky_to_pixel(has, lon, lat, &want_x, &want_y);
    *same = near && hypot(x - want_x, y - want_y) <= most_pixels;
    return 0;
}

/* The centre, and a point north of it: another frame may turn the image about its centre. */
static int check_sky(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                     pclean_err *err) {
    if (has->nx != image->nx || has->ny != image->ny)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s has %zu x %zu pixels, the image %zu x %zu", what,
                        has->nx, has->ny, image->nx, image->ny);
    if (strcmp(has->projection, image->projection) != 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s has the projection %s, the image %s; regrid it first (imregrid)", what,
                        has->projection, image->projection);
    const double dx = has->increment_x_rad / image->increment_x_rad - 1,
                 dy = has->increment_y_rad / image->increment_y_rad - 1;
    if (!(fabs(dx) * (double)image->nx <= most_pixels &&
          fabs(dy) * (double)image->ny <= most_pixels))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s has another cell than the image (%.9g x %.9g rad, not %.9g x %.9g): "
                        "its pixels lie elsewhere on the sky; regrid it first (imregrid)",
                        what, has->increment_x_rad, has->increment_y_rad, image->increment_x_rad,
                        image->increment_y_rad);
    bool same = false;
    const double north = fmin(0.5 * (double)image->ny * fabs(image->increment_y_rad), 0.1);
    int rc = is_same_place(has, image, has->centre.lon_rad, has->centre.lat_rad, &same, err);
    if (!rc && same)
        rc =
            is_same_place(has, image, has->centre.lon_rad, has->centre.lat_rad + north, &same, err);
    if (!rc && !same)
        rc = PCL_FAIL(err, PCLEAN_EPARAM,
                      "%s is centred or turned otherwise than the image: its pixels lie elsewhere "
                      "on the sky; regrid it first (imregrid)",
                      what);
    return rc;
}

static int check_stokes(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                        bool same_stokes, pclean_err *err) {
    if (has->npol == 1 && !same_stokes)
        return 0;
    if (has->npol != image->npol)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s has %zu planes of polarization, the image %zu",
                        what, has->npol, image->npol);
    for (size_t p = 0; p < image->npol; p++)
        if (has->stokes[p] != image->stokes[p])
            return PCL_FAIL(
                err, PCLEAN_EPARAM,
                "%s has another Stokes parameter than the image: %s where the image has %s", what,
                casa_stokes_name(has->stokes[p]), casa_stokes_name(image->stokes[p]));
    return 0;
}

/* casacore reads an axis without a frame as REST or as Undefined. */
static int frame_of(const casa_image_desc *d) {
    return d->freq_frame <= 0 ? CASA_FREQ_UNDEFINED : d->freq_frame;
}

static const char *frame_name(const casa_image_desc *d) {
    return frame_of(d) == CASA_FREQ_UNDEFINED ? "no frame" : casa_freq_frame_name(d->freq_frame);
}

static int check_channels(const char *what, const casa_image_desc *has,
                          const casa_image_desc *image, pclean_err *err) {
    if (has->nchan == 1)
        return 0;
    if (has->nchan != image->nchan)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s has %zu channels, the image %zu", what, has->nchan,
                        image->nchan);
    if (frame_of(has) != frame_of(image))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s has its frequencies in another frame than the image (%s, not %s); "
                        "regrid it first (imregrid)",
                        what, frame_name(has), frame_name(image));
    for (size_t c = 0; c < image->nchan; c++)
        if (!(fabs(frequency(has, c) - frequency(image, c)) <=
              most_channels * fabs(image->cdelt_hz)))
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "%s has other channel frequencies than the image: its channel %zu is "
                            "at %.9f GHz, the image's at %.9f GHz; regrid it first (imregrid)",
                            what, c, frequency(has, c) * 1e-9, frequency(image, c) * 1e-9);
    return 0;
}

int pcl_samegrid_check(const char *what, const casa_image_desc *has, const casa_image_desc *image,
                       bool same_stokes, pclean_err *err) {
    int rc;
    if ((rc = check_sky(what, has, image, err)) ||
        (rc = check_stokes(what, has, image, same_stokes, err)))
        return rc;
    return check_channels(what, has, image, err);
}
