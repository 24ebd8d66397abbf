#include "image/mask.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/region_text.h"
#include "image/samegrid.h"
#include "image/virtual.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum kind { KIND_ALL, KIND_IMAGE, KIND_REGIONS };

struct pcl_mask {
    enum kind kind;
    size_t nx, ny, npol, nchan;
    /* an image */
    casa_image *image;
    size_t image_npol, image_nchan;
    float *pixels; /* [ny][nx] */
    /* regions */
    pcl_region_text regions;
    double *cross; /* scratch for the polygon of most vertices */
};

/* ---- checks ---- */

/* Warns about regions beside the image, refuses a mask without a pixel. */
static int check_regions(const pcl_mask *m, const char *from, pclean_err *err) {
    bool *plane = NULL;
    const size_t n = m->nx * m->ny;
    bool any = m->regions.line[0].exclude;
    int rc = PCL_NEW(&plane, n, "mask plane", err);
    for (size_t i = 0; i < m->regions.nline && rc == 0; i++) {
        memset(plane, 0, n * sizeof *plane);
        pcl_region_fill(&m->regions.line[i].shape, true, m->nx, m->ny, plane, m->cross);
        const bool hit = memchr(plane, 1, n * sizeof *plane) != NULL;
        if (!hit)
            pcl_log(PCL_LOG_WARNING, "%s: region %zu covers no pixel of the image", from, i + 1);
        any = any || (hit && !m->regions.line[i].exclude);
    }
    pcl_free(plane);
    if (rc == 0 && !any)
        rc = PCL_FAIL(err, PCLEAN_EPARAM, "%s covers no pixel of the image", from);
    return rc;
}

/* ---- opening ---- */

static int open_image(pcl_mask *m, const char *path, const casa_image_desc *d, pclean_err *err) {
    casa_image_desc has;
    m->kind = KIND_IMAGE;
    int rc = pcl_virtual_open(path, &m->image, err);
    if (rc || (rc = casa_image_get_desc(m->image, &has, err)) != 0)
        return rc;
    char what[4200];
    snprintf(what, sizeof what, "mask %s", path);
    if ((rc = pcl_samegrid_check(what, &has, d, false, err)) != 0)
        return rc;
    m->image_npol = has.npol;
    m->image_nchan = has.nchan;
    return PCL_NEW(&m->pixels, m->nx * m->ny, "mask plane", err);
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

static int open_regions(pcl_mask *m, const char *from, char *text, const casa_image_desc *d,
                        pclean_err *err) {
    size_t most = 0;
    m->kind = KIND_REGIONS;
    int rc = pcl_region_text_parse(from, text, d, &m->regions, err);
    for (size_t i = 0; i < m->regions.nline; i++)
        most = m->regions.line[i].shape.nvertex > most ? m->regions.line[i].shape.nvertex : most;
    if (rc || (rc = PCL_NEW(&m->cross, most, "mask polygon", err)))
        return rc;
    return check_regions(m, from, err);
}

static int open_file(pcl_mask *m, const char *path, const casa_image_desc *d, pclean_err *err) {
    char *text = NULL;
    int rc = read_file(path, &text, err);
    if (!rc)
        rc = open_regions(m, path, text, d, err);
    pcl_free(text);
    return rc;
}

static int open_text(pcl_mask *m, const char *spec, const casa_image_desc *d, pclean_err *err) {
    char *text = NULL; /* reading changes it */
    int rc = pcl_strdup(&text, spec, err);
    if (!rc)
        rc = open_regions(m, "mask text", text, d, err);
    pcl_free(text);
    return rc;
}

int pcl_mask_open(const char *spec, const casa_image_desc *desc, pcl_mask **out, pclean_err *err) {
    pcl_mask *m = NULL;
    *out = NULL;
    int rc = PCL_ZNEW(&m, 1, "mask", err);
    if (rc)
        return rc;
    m->nx = desc->nx;
    m->ny = desc->ny;
    m->npol = desc->npol;
    m->nchan = desc->nchan;
    if (!spec || spec[0] == '\0')
        m->kind = KIND_ALL;
    else if (pcl_fs_is_dir(spec))
        rc = open_image(m, spec, desc, err);
    else if (pcl_fs_exists(spec))
        rc = open_file(m, spec, desc, err);
    else if (strchr(spec, '['))
        rc = open_text(m, spec, desc, err);
    else
        rc = PCL_FAIL(
            err, PCLEAN_EPARAM,
            "mask \"%s\" is neither an existing image or region file nor region text such as "
            "circle[[100pix,100pix],20pix]",
            spec);
    if (rc)
        pcl_mask_free(m);
    else
        *out = m;
    return rc;
}

/* ---- planes ---- */

static int image_plane(pcl_mask *m, size_t ipol, size_t ichan, bool *plane, pclean_err *err) {
    int rc = casa_image_read_plane(m->image, m->image_npol == 1 ? 0 : ipol,
                                   m->image_nchan == 1 ? 0 : ichan, m->pixels, plane, err);
    if (rc == 0)
        for (size_t i = 0; i < m->nx * m->ny; i++)
            plane[i] = plane[i] && m->pixels[i] > 0.5f;
    return rc;
}

static void regions_plane(const pcl_mask *m, size_t ipol, size_t ichan, bool *plane) {
    const pcl_region_text *t = &m->regions;
    memset(plane, t->line[0].exclude, m->nx * m->ny * sizeof *plane);
    for (size_t i = 0; i < t->nline; i++) {
        const pcl_region_line *r = &t->line[i];
        if (r->pol[ipol] && ichan >= r->first_chan && ichan <= r->last_chan)
            pcl_region_fill(&r->shape, !r->exclude, m->nx, m->ny, plane, m->cross);
    }
}

int pcl_mask_plane(pcl_mask *mask, size_t ipol, size_t ichan, bool *plane, pclean_err *err) {
    if (ipol >= mask->npol || ichan >= mask->nchan)
        return PCL_FAIL(err, PCLEAN_EBUG, "the mask has no plane of polarization %zu, channel %zu",
                        ipol, ichan);
    if (mask->kind == KIND_IMAGE)
        return image_plane(mask, ipol, ichan, plane, err);
    if (mask->kind == KIND_REGIONS)
        regions_plane(mask, ipol, ichan, plane);
    else
        memset(plane, 1, mask->nx * mask->ny * sizeof *plane);
    return 0;
}

bool pcl_mask_same_all_channels(const pcl_mask *mask) {
    for (size_t i = 0; i < mask->regions.nline; i++)
        if (mask->regions.line[i].first_chan > 0 ||
            mask->regions.line[i].last_chan + 1 < mask->nchan)
            return false;
    return mask->kind != KIND_IMAGE || mask->image_nchan == 1;
}

bool pcl_mask_uses_restfreq(const pcl_mask *mask) {
    return mask->regions.uses_restfreq;
}

void pcl_mask_free(pcl_mask *mask) {
    if (!mask)
        return;
    pcl_region_text_clear(&mask->regions);
    pcl_free(mask->cross);
    pcl_free(mask->pixels);
    if (mask->image)
        casa_image_close(mask->image);
    pcl_free(mask);
}
