#include "image/mask.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/region_text.h"
#include "image/regrid.h"
#include "image/samegrid.h"
#include "image/virtual.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One of those the mask is made of. */
struct source {
    /* an image */
    casa_image *image;
    size_t npol, nchan, npixel;
    float *pixels;     /* [npixel] of a plane */
    bool *good;        /* likewise; of regridded ones */
    pcl_regrid regrid; /* pixel NULL: its pixels are the image's */
    /* else regions */
    pcl_region_text regions;
    double *cross; /* scratch for the polygon of most vertices */
};

struct pcl_mask {
    size_t nx, ny, npol, nchan;
    size_t nsource; /* 0: true everywhere */
    struct source *source;
    bool *plane; /* [ny][nx] scratch for all sources but the first */
};

/* ---- checks ---- */

/* Warns about regions beside the image, refuses a mask without a pixel. */
static int check_regions(const pcl_mask *m, const struct source *s, const char *from,
                         pclean_err *err) {
    bool *plane = NULL;
    const size_t n = m->nx * m->ny;
    bool any = s->regions.line[0].exclude;
    int rc = PCL_NEW(&plane, n, "mask plane", err);
    for (size_t i = 0; i < s->regions.nline && rc == 0; i++) {
        memset(plane, 0, n * sizeof *plane);
        pcl_region_fill(&s->regions.line[i].shape, true, m->nx, m->ny, plane, s->cross);
        const bool hit = memchr(plane, 1, n * sizeof *plane) != NULL;
        if (!hit)
            pcl_log(PCL_LOG_WARNING, "%s: region %zu covers no pixel of the image", from, i + 1);
        any = any || (hit && !s->regions.line[i].exclude);
    }
    pcl_free(plane);
    if (rc == 0 && !any)
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "%s covers no pixel of the image", from);
    return rc;
}

/* ---- opening ---- */

/* An image on other pixels or channels. */
static int plan_regrid(const pcl_mask *m, struct source *s, const char *what,
                       const casa_image_desc *has, const casa_image_desc *d, pclean_err *err) {
    int rc = pcl_regrid_plan(what, has, d, &s->regrid, err);
    rc = rc ? rc : PCL_NEW(&s->pixels, s->npixel, "mask plane", err);
    rc = rc ? rc : PCL_NEW(&s->good, s->npixel, "mask plane", err);
    if (rc)
        return rc;
    pcl_log(
        PCL_LOG_INFO,
        "%s is on another grid (%zu x %zu pixels, %zu channel%s): each pixel takes the nearest; "
        "%.0f %% of the image's pixels and %zu of its %zu channels are in it",
        what, has->nx, has->ny, has->nchan, has->nchan == 1 ? "" : "s",
        100.0 * (double)s->regrid.noverlap / (double)(m->nx * m->ny), s->regrid.nchannels,
        d->nchan);
    return 0;
}

static int open_image(const pcl_mask *m, struct source *s, const char *path,
                      const casa_image_desc *d, pclean_err *err) {
    casa_image_desc has;
    int rc = pcl_virtual_open(path, &s->image, err);
    if (rc || (rc = casa_image_get_desc(s->image, &has, err)) != 0)
        return rc;
    char what[4200];
    snprintf(what, sizeof what, "mask %s", path);
    s->npol = has.npol;
    s->nchan = has.nchan;
    s->npixel = has.nx * has.ny;
    if ((rc = pcl_samegrid_check(what, &has, d, false, err)) == -PCLEAN_EPARAM)
        return plan_regrid(m, s, what, &has, d, err);
    return rc ? rc : PCL_NEW(&s->pixels, s->npixel, "mask plane", err);
}

static int read_file(const char *path, char **text, pclean_err *err) {
    uint64_t size;
    *text = NULL;
    int rc = pcl_fs_tree_size(path, &size, err);
    if (rc)
        return rc;
    if (size > (64u << 20))
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s is neither a CASA image nor region text", path);
    FILE *f = pcl_fs_open_text(path);
    if (!f)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open the mask %s: %s", path, strerror(errno));
    if ((rc = PCL_ZNEW(text, (size_t)size + 1, "mask text", err)) == 0) {
        size_t n = fread(*text, 1, (size_t)size, f);
        if (ferror(f))
            rc = PCL_FAIL(err, PCLEAN_EIO, "cannot read the mask %s: %s", path, strerror(errno));
        else if (memchr(*text, '\0', n) || strncmp(*text, "SIMPLE  =", 9) == 0)
            rc = PCL_FAIL(err, PCLEAN_EPARAM, "%s is neither a CASA image nor region text", path);
    }
    fclose(f);
    return rc;
}

static int open_regions(const pcl_mask *m, struct source *s, const char *from, char *text,
                        const casa_image_desc *d, pclean_err *err) {
    size_t most = 0;
    int rc = pcl_region_text_parse(from, text, d, &s->regions, err);
    for (size_t i = 0; i < s->regions.nline; i++)
        most = s->regions.line[i].shape.nvertex > most ? s->regions.line[i].shape.nvertex : most;
    if (rc || (rc = PCL_NEW(&s->cross, most, "mask polygon", err)))
        return rc;
    return check_regions(m, s, from, err);
}

static int open_file(const pcl_mask *m, struct source *s, const char *path,
                     const casa_image_desc *d, pclean_err *err) {
    char *text = NULL;
    int rc = read_file(path, &text, err);
    if (!rc)
        rc = open_regions(m, s, path, text, d, err);
    pcl_free(text);
    return rc;
}

static int open_text(const pcl_mask *m, struct source *s, const char *spec,
                     const casa_image_desc *d, pclean_err *err) {
    char *text = NULL; /* reading changes it */
    int rc = pcl_strdup(&text, spec, err);
    if (!rc)
        rc = open_regions(m, s, "mask text", text, d, err);
    pcl_free(text);
    return rc;
}

static int open_source(const pcl_mask *m, struct source *s, const char *spec,
                       const casa_image_desc *desc, pclean_err *err) {
    if (pcl_fs_is_dir(spec))
        return open_image(m, s, spec, desc, err);
    if (pcl_fs_exists(spec))
        return open_file(m, s, spec, desc, err);
    if (strchr(spec, '['))
        return open_text(m, s, spec, desc, err);
    return PCL_FAIL(
        err, PCLEAN_EPARAM,
        "mask \"%s\" is neither an existing image or region file nor region text such as "
        "circle[[100pix,100pix],20pix]",
        spec);
}

int pcl_mask_open(const char *const *spec, size_t nspec, const casa_image_desc *desc,
                  pcl_mask **out, pclean_err *err) {
    pcl_mask *m = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&m, 1, "mask", err);
    if (rc)
        return rc;
    m->nx = desc->nx;
    m->ny = desc->ny;
    m->npol = desc->npol;
    m->nchan = desc->nchan;
    if (nspec > 0)
        rc = PCL_ZNEW(&m->source, nspec, "masks", err);
    if (!rc && nspec > 1)
        rc = PCL_NEW(&m->plane, m->nx * m->ny, "mask plane", err);
    for (size_t i = 0; i < nspec && !rc; i++) {
        m->nsource++;
        rc = open_source(m, &m->source[i], spec[i], desc, err);
    }
    if (rc)
        pcl_mask_free(m);
    else
        *out = m;
    return rc;
}

/* ---- planes ---- */

static int image_plane(const pcl_mask *m, const struct source *s, size_t ipol, size_t ichan,
                       bool *plane, pclean_err *err) {
    const size_t pol = s->npol == 1 ? 0 : ipol, chan = s->nchan == 1 ? 0 : ichan;
    int rc = casa_image_read_plane(s->image, pol, chan, s->pixels, plane, err);
    if (rc == 0)
        for (size_t i = 0; i < m->nx * m->ny; i++)
            plane[i] = plane[i] && s->pixels[i] > 0.5f;
    return rc;
}

static int regridded_plane(const pcl_mask *m, const struct source *s, size_t ipol, size_t ichan,
                           bool *plane, pclean_err *err) {
    const uint32_t chan = s->regrid.chan ? s->regrid.chan[ichan] : 0;
    memset(plane, 0, m->nx * m->ny * sizeof *plane);
    if (chan == PCL_REGRID_NONE)
        return 0;
    int rc = casa_image_read_plane(s->image, s->regrid.pol[ipol], chan, s->pixels, s->good, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < s->npixel; i++)
        s->good[i] = s->good[i] && s->pixels[i] > 0.5f;
    pcl_regrid_plane(&s->regrid, s->good, plane);
    return 0;
}

static void regions_plane(const pcl_mask *m, const struct source *s, size_t ipol, size_t ichan,
                          bool *plane) {
    const pcl_region_text *t = &s->regions;
    memset(plane, t->line[0].exclude, m->nx * m->ny * sizeof *plane);
    for (size_t i = 0; i < t->nline; i++) {
        const pcl_region_line *r = &t->line[i];
        if (r->pol[ipol] && ichan >= r->first_chan && ichan <= r->last_chan)
            pcl_region_fill(&r->shape, !r->exclude, m->nx, m->ny, plane, s->cross);
    }
}

static int source_plane(const pcl_mask *m, const struct source *s, size_t ipol, size_t ichan,
                        bool *plane, pclean_err *err) {
    if (s->image)
        return s->regrid.pixel ? regridded_plane(m, s, ipol, ichan, plane, err)
                               : image_plane(m, s, ipol, ichan, plane, err);
    regions_plane(m, s, ipol, ichan, plane);
    return 0;
}

int pcl_mask_plane(pcl_mask *mask, size_t ipol, size_t ichan, bool *plane, pclean_err *err) {
    const size_t n = mask->nx * mask->ny;
    if (ipol >= mask->npol || ichan >= mask->nchan)
        return PCL_FAIL(err, PCLEAN_EBUG, "the mask has no plane of polarization %zu, channel %zu",
                        ipol, ichan);
    memset(plane, 1, n * sizeof *plane);
    for (size_t k = 0; k < mask->nsource; k++) {
        bool *one = k == 0 ? plane : mask->plane;
        int rc = source_plane(mask, &mask->source[k], ipol, ichan, one, err);
        if (rc)
            return rc;
        for (size_t i = 0; i < n && k > 0; i++)
            plane[i] = plane[i] || one[i];
    }
    return 0;
}

static bool same_all_channels(const pcl_mask *mask, const struct source *s) {
    for (size_t i = 0; i < s->regions.nline; i++)
        if (s->regions.line[i].first_chan > 0 || s->regions.line[i].last_chan + 1 < mask->nchan)
            return false;
    return !s->image || s->nchan == 1;
}

bool pcl_mask_same_all_channels(const pcl_mask *mask) {
    for (size_t k = 0; k < mask->nsource; k++)
        if (!same_all_channels(mask, &mask->source[k]))
            return false;
    return true;
}

bool pcl_mask_uses_restfreq(const pcl_mask *mask) {
    for (size_t k = 0; k < mask->nsource; k++)
        if (mask->source[k].regions.uses_restfreq)
            return true;
    return false;
}

void pcl_mask_free(pcl_mask *mask) {
    if (!mask)
        return;
    for (size_t k = 0; k < mask->nsource; k++) {
        struct source *s = &mask->source[k];
        pcl_region_text_clear(&s->regions);
        pcl_regrid_clear(&s->regrid);
        pcl_free(s->cross);
        pcl_free(s->pixels);
        pcl_free(s->good);
        if (s->image)
            casa_image_close(s->image);
    }
    pcl_free(mask->source);
    pcl_free(mask->plane);
    pcl_free(mask);
}
