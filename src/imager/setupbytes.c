#include "imager/setupbytes.h"

#include "base/mem.h"

/* The plain fields, in order. */
#define FIELDS(X)                                                                                  \
    X(part)                                                                                        \
    X(centre.frame)                                                                                \
    X(centre.lon_rad)                                                                              \
    X(centre.lat_rad)                                                                              \
    X(frame)                                                                                       \
    X(restfreq_hz)                                                                                 \
    X(restfreq_from)                                                                               \
    X(channels.nchan)                                                                              \
    X(channels.offset)                                                                             \
    X(channels.whole)                                                                              \
    X(channels.first_hz)                                                                           \
    X(channels.step_hz)                                                                            \
    X(channels.mfs)                                                                                \
    X(channels.nearest)                                                                            \
    X(desc.nx)                                                                                     \
    X(desc.ny)                                                                                     \
    X(desc.npol)                                                                                   \
    X(desc.nchan)                                                                                  \
    X(desc.stokes)                                                                                 \
    X(desc.crpix_x)                                                                                \
    X(desc.crpix_y)                                                                                \
    X(desc.increment_x_rad)                                                                        \
    X(desc.increment_y_rad)                                                                        \
    X(desc.freq_frame)                                                                             \
    X(desc.crval_hz)                                                                               \
    X(desc.cdelt_hz)                                                                               \
    X(desc.restfreq_hz)                                                                            \
    X(desc.obsdate_s)                                                                              \
    X(desc.position_itrf_m)                                                                        \
    X(epoch_s)                                                                                     \
    X(dish_diameter_m)                                                                             \
    X(all_channels)                                                                                \
    X(samples_per_plane)

enum { NTEXT = sizeof((pcl_setup *)0)->text / sizeof *((pcl_setup *)0)->text };

void pcl_setupbytes_put(const pcl_setup *s, pcl_parcel *p) {
#define X(field) pcl_parcel_put(p, &s->field, sizeof s->field);
    FIELDS(X)
#undef X
    for (size_t i = 0; i < NTEXT; i++)
        pcl_parcel_put_text(p, s->text[i]);
    pcl_parcel_put(p, &s->npointing, sizeof s->npointing);
    pcl_parcel_put(p, s->pointing, s->npointing * sizeof *s->pointing);
}

static int take_pointings(pcl_parcel_reader *r, pcl_setup *s, pclean_err *err) {
    size_t n;
    pcl_parcel_take(r, &n, sizeof n);
    int rc = pcl_parcel_reader_check(r, err);
    if (rc || (rc = PCL_NEW(&s->pointing, n, "list of pointings", err)))
        return rc;
    s->npointing = n;
    pcl_parcel_take(r, s->pointing, n * sizeof *s->pointing);
    return pcl_parcel_reader_check(r, err);
}

int pcl_setupbytes_take(pcl_parcel_reader *r, const pclean_config *config, pcl_setup *s,
                        pclean_err *err) {
    *s = (pcl_setup){.config = config};
#define X(field) pcl_parcel_take(r, &s->field, sizeof s->field);
    FIELDS(X)
#undef X
    int rc = pcl_parcel_reader_check(r, err);
    for (size_t i = 0; !rc && i < NTEXT; i++)
        rc = pcl_parcel_take_text(r, &s->text[i], err);
    rc = rc ? rc : take_pointings(r, s, err);
    if (!rc && !(rc = pcl_params_resolve(config, &s->params, err)))
        rc = pcl_stokes_parse(config->stokes, &s->stokes, err);
    if (rc) {
        pcl_setup_close(s);
        return rc;
    }
    s->desc.centre = s->centre;
    s->desc.projection = config->projection;
    s->desc.telescope = s->text[0];
    s->desc.observer = s->text[1];
    s->desc.object = s->text[2];
    s->desc.time_ref = s->text[3];
    s->desc.unit = "";
    return 0;
}
