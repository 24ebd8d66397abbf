#include "imager/weighing.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/hash.h"
#include "base/mem.h"
#include "config/config.h"

/* What npixels says: of superuniform weights the box, 3 by default; of the others with a density
 * for each channel the box; with one density for all, the size of the grid. As tclean's codes. */
static size_t box_of(const pcl_setup *s) {
    const pclean_config *c = s->config;
    if (c->weighting == PCLEAN_WEIGHTING_SUPERUNIFORM)
        return c->npixels > 0 ? (size_t)c->npixels : 3;
    return s->params.common_density ? 0 : (size_t)c->npixels;
}

static pcl_raster raster_of(const pcl_setup *s) {
    const pclean_config *c = s->config;
    pcl_raster raster = {s->desc.nx, s->desc.ny, c->cell_rad[0], c->cell_rad[1]};
    if (s->params.common_density && c->npixels > 0 && c->weighting != PCLEAN_WEIGHTING_SUPERUNIFORM)
        raster.nx = raster.ny = (size_t)c->npixels;
    return raster;
}

int pcl_weighing_init(const pcl_setup *s, pcl_density *d, pclean_err *err) {
    *d = (pcl_density){0};
    if (!s->params.density)
        return 0;
    const bool common = s->params.common_density;
    const double per_sample = common ? 1 : s->stokes.sumwt_factor; /* as tclean's two codes */
    const pcl_raster raster = raster_of(s);
    return pcl_density_init(d, &raster, common ? PCL_DENSITY_TRUNCATE : PCL_DENSITY_ROUND,
                            per_sample, box_of(s), err);
}

pcl_weighing_size pcl_weighing_size_of(const pcl_setup *s) {
    if (!s->params.density)
        return (pcl_weighing_size){.ncell = 0};
    const pcl_raster r = raster_of(s);
    return (pcl_weighing_size){r.nx * r.ny, pcl_density_bytes(r.nx, r.ny, box_of(s))};
}

static void finish(const pcl_setup *s, pcl_density *d) {
    const pclean_config *c = s->config;
    pcl_density_spread(d);
    if (c->weighting == PCLEAN_WEIGHTING_BRIGGS)
        pcl_density_finish_briggs(d, c->robust);
    else if (c->weighting == PCLEAN_WEIGHTING_BRIGGSABS)
        pcl_density_finish_briggsabs(d, c->robust, c->noise_jy);
    else if (c->weighting == PCLEAN_WEIGHTING_BRIGGSBWTAPER)
        pcl_density_finish_briggsbwtaper(d, c->robust, pcl_setup_fracbw(s));
    else
        pcl_density_finish_uniform(d);
}

/* A count of the samples of a plane. */
typedef struct counting {
    pcl_sampler *sampler;
    size_t ichan, ipol, nslice;
    pcl_density *density;
} counting;

/* The density is of the interpolated samples, at their frequency in the image's frame. */
static int count_slice(void *user, size_t islice, pcl_sum_numbers *numbers, pclean_err *err) {
    const counting *c = user;
    pcl_sampler *s = c->sampler;
    pcl_density *d = c->density;
    pcl_sampler_begin(s, c->ichan, c->ipol, PCL_SAMPLER_FRAME);
    pcl_sampler_slice(s, islice, c->nslice);
    d->sumwt = numbers->count.sumwt;
    bool more = true;
    int rc;
    while (!(rc = pcl_sampler_next(s, &more, err)) && more)
        pcl_density_add(d, s->n, s->frame_u, s->frame_v, s->weight);
    numbers->count.sumwt = d->sumwt;
    return rc;
}

static int count(counting *c, pcl_slices *slices, const pcl_channels *channels, pclean_err *err) {
    const pcl_channels *keep = c->sampler->channels;
    pcl_density *d = c->density;
    const pcl_grid_array sums = {d->sum, d->nx * d->ny, NULL};
    pcl_sum_numbers numbers = {.umax_lambda = 0};
    c->nslice = slices->sum.nslice;
    pcl_density_zero(d);
    c->sampler->channels = channels;
    int rc = pcl_slices_sum(slices, 1, &sums, count_slice, c, &numbers, err);
    c->sampler->channels = keep;
    d->sumwt = numbers.count.sumwt;
    return rc;
}

static const pcl_channels all_channels = {.nchan = 1, .whole = 1, .mfs = true, .nearest = true};

int pcl_weighing_count(const pcl_setup *setup, pcl_sampler *s, pcl_slices *slices, size_t ichan,
                       size_t ipol, pcl_density *d, pclean_err *err) {
    counting c = {.sampler = s, .ichan = ichan, .ipol = ipol, .density = d};
    int rc =
        count(&c, slices, setup->params.common_density ? &all_channels : &setup->channels, err);
    finish(setup, d);
    return rc;
}

/* ---- file ---- */

/* The file: this, then float [npol][ny][nx], in the machine's byte order. */
typedef struct header {
    char magic[16];
    uint64_t order, version, bytes; /* of the whole file */
    uint64_t nx, ny, npol;
    int64_t stokes[4];
    double cellx_rad, celly_rad, per_sample, sumwt[4];
    /* whose samples these are: channels of the whole image, samples of a plane, TIME of the first
     * row, and what was selected */
    uint64_t nchan, selection;
    double nsample, epoch_s;
    uint64_t plane_hash[4], hash; /* of each plane; of all that is before this */
} header;

/* which had no hashes */
static const char magic[16] = "pclean density", first_magic[16] = "pclean density1";
static const uint64_t order = 0x0102030405060708u;
enum { VERSION = 3 };

static size_t plane_bytes(const pcl_density *d) {
    return d->nx * d->ny * sizeof *d->sum;
}
static uint64_t place_of(const pcl_density *d, size_t ipol) {
    return sizeof(header) + ipol * plane_bytes(d);
}
static uint64_t hash_of(const header *h) {
    return pcl_hash(PCL_HASH, h, offsetof(header, hash));
}

/* Of the texts that a part has from the whole image; spw and taql are its own. */
static uint64_t selection_of(const pclean_config *c) {
    const pclean_strlist *const lists[] = {&c->field, &c->timerange,   &c->uvrange, &c->antenna,
                                           &c->scan,  &c->observation, &c->intent};
    uint64_t hash = pcl_hash(PCL_HASH, &c->datacolumn, sizeof c->datacolumn);
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < c->vis.n; k++) {
            const char *text =
                i == 0 ? pcl_config_of_ms(lists[i], k) : pcl_config_selected(c, lists[i], k);
            hash = pcl_hash(hash, text, strlen(text) + 1);
        }
    return hash;
}

static header header_of(const pcl_setup *s, const pcl_density *d) {
    header h = {.order = order,
                .version = VERSION,
                .bytes = place_of(d, s->stokes.npol),
                .nx = d->nx,
                .ny = d->ny,
                .npol = s->stokes.npol,
                .cellx_rad = d->cellx_rad,
                .celly_rad = d->celly_rad,
                .per_sample = d->per_sample,
                .nchan = s->channels.whole,
                .selection = selection_of(s->config),
                .nsample = s->samples_per_plane,
                .epoch_s = s->epoch_s};
    memcpy(h.magic, magic, sizeof magic);
    for (size_t p = 0; p < s->stokes.npol; p++)
        h.stokes[p] = s->stokes.code[p];
    return h;
}

static int damaged(const char *path, const char *how, pclean_err *err) {
    return PCL_FAIL(err, PCLEAN_EDATA,
                    "part_density=%s: this density file is damaged: %s; run pclean partition again",
                    path, how);
}

/* Reads the header of the file that fd is, and holds it against what the image wants. */
static int read_header(const pcl_setup *setup, const pcl_density *d, int fd, const char *path,
                       header *h, pclean_err *err) {
    struct stat st;
    char how[100];
    if (fstat(fd, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "the density file %s cannot be read: %s", path,
                        strerror(errno));
    if (!S_ISREG(st.st_mode)) /* a FIFO would wait for its writer */
        return PCL_FAIL(err, PCLEAN_EIO,
                        "part_density=%s is not a file; run pclean partition again", path);
    *h = (header){.order = 0};
    int rc = pcl_bulk_pread(
        fd, path, h, (size_t)st.st_size < sizeof *h ? (size_t)st.st_size : sizeof *h, 0, err);
    if (rc)
        return rc;
    if (memcmp(h->magic, first_magic, sizeof magic) == 0 ||
        (memcmp(h->magic, magic, sizeof magic) == 0 && h->order == order && h->version != VERSION))
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "part_density=%s: this density file is of another version of pclean; run "
                        "pclean partition again",
                        path);
    header want = header_of(setup, d);
    const bool ours = memcmp(h->magic, magic, sizeof magic) == 0 && h->order == order;
    if (ours && ((size_t)st.st_size < sizeof *h || h->bytes != (uint64_t)st.st_size)) {
        snprintf(how, sizeof how, "it has %lld bytes instead of %llu", (long long)st.st_size,
                 (unsigned long long)h->bytes);
        return damaged(path, how, err);
    }
    if (ours && h->hash != hash_of(h))
        return damaged(path, "its header has another checksum", err);
    memcpy(want.sumwt, h->sumwt, sizeof h->sumwt);
    memcpy(want.plane_hash, h->plane_hash, sizeof h->plane_hash);
    want.hash = h->hash;
    if (memcmp(h, &want, offsetof(header, nchan)) != 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "part_density=%s: this is no density of an image of this imsize, cell and "
                        "stokes; run pclean partition again",
                        path);
    if (memcmp(h, &want, sizeof want) != 0)
        return PCL_FAIL(
            err, PCLEAN_EPARAM,
            "part_density=%s: this density is of another selection of data or channels; "
            "run pclean partition again",
            path);
    return 0;
}

int pcl_weighing_load(const pcl_setup *setup, const char *path, size_t ipol, pcl_density *d,
                      pclean_err *err) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "the density file %s cannot be opened: %s", path,
                        strerror(errno));
    header h;
    int rc = read_header(setup, d, fd, path, &h, err);
    if (!rc)
        rc = pcl_bulk_pread(fd, path, d->sum, plane_bytes(d), place_of(d, ipol), err);
    close(fd);
    if (!rc && h.plane_hash[ipol] != pcl_hash(PCL_HASH, d->sum, plane_bytes(d)))
        rc = damaged(path, "its densities have another checksum", err);
    if (rc)
        return rc;
    d->sumwt = h.sumwt[ipol];
    finish(setup, d);
    return 0;
}

static int write_all(const pcl_setup *setup, counting *c, pcl_slices *slices, int fd,
                     const char *path, pclean_err *err) {
    pcl_density *d = c->density;
    header h = header_of(setup, d);
    /* the file is known for what it is from its first byte on */
    int rc = pcl_bulk_pwrite(fd, path, &h, sizeof h, 0, err);
    rc = rc ? rc : pcl_fs_allocate(fd, path, place_of(d, setup->stokes.npol), err);
    for (size_t p = 0; !rc && p < setup->stokes.npol; p++) {
        c->ipol = p;
        rc = count(c, slices, &all_channels, err);
        h.sumwt[p] = d->sumwt;
        h.plane_hash[p] = pcl_hash(PCL_HASH, d->sum, plane_bytes(d));
        if (!rc)
            rc = pcl_bulk_pwrite(fd, path, d->sum, plane_bytes(d), place_of(d, p), err);
    }
    h.hash = hash_of(&h);
    if (!rc)
        rc = pcl_bulk_pwrite(fd, path, &h, sizeof h, 0, err);
    if (!rc && fsync(fd) != 0)
        rc = PCL_FAIL(err, PCLEAN_EIO, "%s cannot be written: %s", path, strerror(errno));
    return rc;
}

bool pcl_weighing_is_density(const char *path) {
    char text[sizeof magic] = "";
    struct stat st;
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    const ssize_t n = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode)
                          ? pread(fd, text, sizeof text, 0)
                          : -1;
    if (fd >= 0)
        close(fd);
    const size_t length = strlen("pclean density"); /* whatever its version */
    return n == 0 || (n >= (ssize_t)length && memcmp(text, magic, length) == 0);
}

int pcl_weighing_save(const pcl_setup *setup, const pcl_store *vis, const char *path,
                      pclean_err *err) {
    pcl_sampler s = {0};
    pcl_density d = {0};
    pcl_slices slices = {.share = {.i = 0}};
    counting c = {.sampler = &s, .density = &d};
    char *part = NULL;
    int fd = -1, rc;
    if ((rc = pcl_asprintf(&part, err, "%s.part", path)) ||
        (rc = pcl_sampler_init(&s, vis, &setup->channels, err)) ||
        (rc = pcl_weighing_init(setup, &d, err)) ||
        (rc = pcl_slices_init(&slices, pcl_setup_nslice(setup), d.nx * d.ny, NULL, err)))
        goto done;
    fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0666);
    if (fd < 0)
        rc = PCL_FAIL(err, PCLEAN_EIO, "%s cannot be made: %s", part, strerror(errno));
    else
        rc = write_all(setup, &c, &slices, fd, part, err);
    if (fd >= 0 && close(fd) != 0 && !rc)
        rc = PCL_FAIL(err, PCLEAN_EIO, "%s cannot be written: %s", part, strerror(errno));
    if (!rc)
        rc = pcl_fs_publish(part, path, true, err);
    if (rc && fd >= 0)
        unlink(part);
done:
    pcl_free(part);
    pcl_slices_clear(&slices);
    pcl_density_clear(&d);
    pcl_sampler_clear(&s);
    return rc;
}
