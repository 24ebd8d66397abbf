#include "image/cube.h"
#include "base/bulk.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "image/virtual.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct pcl_cube {
    char *final_path, *part_path;
    size_t nx, ny, npol, nchan;
    casa_image_layout layout;
    bool virtual;   /* a list of images: no pixels of its own */
    bool finished;  /* no planes any more */
    bool published; /* part_path is gone */
    bool exchanged; /* inside publish_all: part_path is the old product */
};

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
static const bool host_is_big_endian = true;
#else
static const bool host_is_big_endian = false;
#endif

static size_t div_up(size_t a, size_t b) {
    return (a + b - 1) / b;
}

/* A plane is written strip by strip, a row of tiles at a time: the strip is still in the cache when
 * it goes to the file. */
size_t pcl_cube_work_size(const pcl_cube *cube) {
    return div_up(cube->nx, cube->layout.tile_x) * cube->layout.tile_x * cube->layout.tile_y;
}

static size_t plane_size(const pcl_cube *cube) {
    return div_up(cube->ny, cube->layout.tile_y) * pcl_cube_work_size(cube);
}

/* Where the strip of row y0 begins, bytes. */
static uint64_t strip_offset(const pcl_cube *cube, size_t ipol, size_t ichan, size_t y0) {
    return ((uint64_t)(ichan * cube->npol + ipol) * plane_size(cube) +
            y0 / cube->layout.tile_y * pcl_cube_work_size(cube)) *
           sizeof(float);
}

/* ---- creation ---- */

static int reserve_pixels(const pcl_cube *cube, pclean_err *err) {
    const char *path = cube->layout.pixel_file;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open %s: %s", path, strerror(errno));
    const int rc = pcl_fs_allocate(fd, path, cube->layout.size_bytes, err);
    close(fd);
    return rc;
}

/* The struct and its two names. */
static int name_cube(const char *final_path, pcl_cube **out, pclean_err *err) {
    pcl_cube *cube = NULL;
    int rc = PCL_ZNEW(&cube, 1, "image product", err);
    if (rc)
        return rc;
    cube->published = true; /* nothing to remove yet */
    if ((rc = pcl_strdup(&cube->final_path, final_path, err)) != 0 ||
        (rc = pcl_asprintf(&cube->part_path, err, "%s.part", final_path)) != 0) {
        pcl_cube_free(cube);
        return rc;
    }
    *out = cube;
    return 0;
}

/* What an earlier run left under the .part name is removed. */
static int new_cube(const char *final_path, pcl_cube **out, pclean_err *err) {
    int rc = name_cube(final_path, out, err);
    if (!rc && (rc = pcl_fs_remove_tree((*out)->part_path, err)) != 0) {
        pcl_cube_free(*out);
        *out = NULL;
    }
    return rc;
}

int pcl_cube_create(const char *final_path, const casa_image_desc *desc, const bool *mask,
                    pcl_cube **out, pclean_err *err) {
    pcl_cube *cube = NULL;
    *out = NULL;
    int rc = new_cube(final_path, &cube, err);
    if (rc)
        return rc;
    cube->nx = desc->nx;
    cube->ny = desc->ny;
    cube->npol = desc->npol;
    cube->nchan = desc->nchan;
    if ((rc = casa_image_create(cube->part_path, desc, mask, &cube->layout, err)) == 0) {
        cube->published = false;
        rc = reserve_pixels(cube, err);
    }
    if (rc)
        pcl_cube_abort(cube);
    else
        *out = cube;
    return rc;
}

int pcl_cube_create_virtual(const char *final_path, const pcl_virtual *list, pcl_cube **out,
                            pclean_err *err) {
    pcl_cube *cube = NULL;
    *out = NULL;
    int rc = new_cube(final_path, &cube, err);
    if (rc)
        return rc;
    cube->virtual = cube->finished = true;
    if (mkdir(cube->part_path, 0777) != 0) {
        rc = PCL_FAIL(err, errno == ENOSPC || errno == EDQUOT ? PCLEAN_ENOSPC : PCLEAN_EIO,
                      "cannot make the folder %s: %s", cube->part_path, strerror(errno));
    } else {
        cube->published = false;
        rc = pcl_virtual_write(cube->part_path, list, err);
    }
    if (rc)
        pcl_cube_abort(cube);
    else
        *out = cube;
    return rc;
}

/* ---- in another process ---- */

/* A file's name below the cube's folder. */
static int name_below(const pcl_cube *cube, const char *file, char *out, size_t size,
                      pclean_err *err) {
    const size_t n = strlen(cube->part_path);
    const bool below = strncmp(file, cube->part_path, n) == 0 && file[n] == '/';
    if (*file && (!below || strlen(file + n + 1) >= size))
        return PCL_FAIL(err, PCLEAN_EBUG, "%s does not lie in %s", file, cube->part_path);
    snprintf(out, size, "%s", *file ? file + n + 1 : "");
    return 0;
}

int pcl_cube_describe(const pcl_cube *cube, pcl_cube_record *out, pclean_err *err) {
    *out = (pcl_cube_record){.nx = cube->nx,
                             .ny = cube->ny,
                             .npol = cube->npol,
                             .nchan = cube->nchan,
                             .tile_x = cube->layout.tile_x,
                             .tile_y = cube->layout.tile_y,
                             .big_endian = cube->layout.big_endian};
    int rc =
        name_below(cube, cube->layout.pixel_file, out->pixel_file, sizeof out->pixel_file, err);
    return rc ? rc
              : name_below(cube, cube->layout.mask_file, out->mask_file, sizeof out->mask_file,
                           err);
}

/* The path of one of its files, which must have `bytes` at least. */
static int find_file(const pcl_cube *cube, const char *name, uint64_t bytes, char *path,
                     size_t size, pclean_err *err) {
    struct stat st;
    *path = '\0';
    if (!*name)
        return 0;
    if (snprintf(path, size, "%s/%s", cube->part_path, name) >= (int)size)
        return PCL_FAIL(err, PCLEAN_EPARAM, "%s: the path is too long", cube->part_path);
    if (stat(path, &st) != 0)
        return PCL_FAIL(err, PCLEAN_EIO, "a worker cannot find %s: %s", path, strerror(errno));
    if ((uint64_t)st.st_size < bytes)
        return PCL_FAIL(err, PCLEAN_EDATA, "%s has %llu bytes, and the planes need %llu", path,
                        (unsigned long long)st.st_size, (unsigned long long)bytes);
    return 0;
}

int pcl_cube_attach(const char *final_path, const pcl_cube_record *record, pcl_cube **out,
                    pclean_err *err) {
    pcl_cube *cube = NULL;
    *out = NULL;
    int rc = name_cube(final_path, &cube, err);
    if (rc)
        return rc;
    cube->nx = record->nx;
    cube->ny = record->ny;
    cube->npol = record->npol;
    cube->nchan = record->nchan;
    cube->virtual = cube->finished = record->nchan == 0;
    casa_image_layout *layout = &cube->layout;
    layout->tile_x = record->tile_x;
    layout->tile_y = record->tile_y;
    layout->big_endian = record->big_endian;
    if (!cube->virtual) {
        const uint64_t floats = (uint64_t)plane_size(cube) * cube->npol * cube->nchan;
        layout->size_bytes = floats * sizeof(float);
        if (!(rc = find_file(cube, record->pixel_file, layout->size_bytes, layout->pixel_file,
                             sizeof layout->pixel_file, err)))
            rc = find_file(cube, record->mask_file, floats / 8, layout->mask_file,
                           sizeof layout->mask_file, err);
    }
    if (rc)
        pcl_cube_free(cube);
    else
        *out = cube;
    return rc;
}

/* ---- planes ---- */

static void swap_bytes(float *values, size_t n) {
    for (size_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        bits = __builtin_bswap32(bits);
        memcpy(&values[i], &bits, sizeof bits);
    }
}

/* One tile: rows of `width` pixels, filled up with zeros to [tile_y][tile_x]. */
static void copy_tile(const float *restrict from, size_t stride, size_t width, size_t height,
                      size_t tile_x, size_t tile_y, float *restrict to) {
    for (size_t y = 0; y < height; y++) {
        memcpy(to + y * tile_x, from + y * stride, width * sizeof *to);
        memset(to + y * tile_x + width, 0, (tile_x - width) * sizeof *to);
    }
    memset(to + height * tile_x, 0, (tile_y - height) * tile_x * sizeof *to);
}

/* Rows [y0, y0 + tile_y) of a plane. */
static void fill_strip(const pcl_cube *cube, const float *pixels, size_t y0, float *work) {
    const size_t tile_x = cube->layout.tile_x, tile_y = cube->layout.tile_y;
    const size_t height = cube->ny - y0 < tile_y ? cube->ny - y0 : tile_y;
    for (size_t x = 0; x < cube->nx; x += tile_x, work += tile_x * tile_y) {
        const size_t width = cube->nx - x < tile_x ? cube->nx - x : tile_x;
        copy_tile(pixels + y0 * cube->nx + x, cube->nx, width, height, tile_x, tile_y, work);
    }
}

/* The files are open only while a plane moves: a cube may have thousands of sub-cubes. */
static int open_file(const char *path, int how, int *fd, pclean_err *err) {
    *fd = open(path, how | O_CLOEXEC);
    return *fd >= 0 ? 0 : PCL_FAIL(err, PCLEAN_EIO, "cannot open %s: %s", path, strerror(errno));
}

/* The first error counts: rc, if it is one. */
static int close_file(int fd, const char *path, int rc, pclean_err *err) {
    if (fd >= 0 && close(fd) != 0 && !rc)
        rc = PCL_FAIL(err, errno == ENOSPC || errno == EDQUOT ? PCLEAN_ENOSPC : PCLEAN_EIO,
                      "cannot write %s: %s", path, strerror(errno));
    return rc;
}

int pcl_cube_write_plane(pcl_cube *cube, size_t ipol, size_t ichan, const float *pixels,
                         float *work, pclean_err *err) {
    if (ipol >= cube->npol || ichan >= cube->nchan || cube->finished)
        return PCL_FAIL(err, PCLEAN_EBUG,
                        "%s: cannot write polarization %zu, channel %zu of %zu x %zu%s",
                        cube->part_path, ipol, ichan, cube->npol, cube->nchan,
                        cube->finished ? " any more" : "");
    const size_t n = pcl_cube_work_size(cube);
    int fd, rc = open_file(cube->layout.pixel_file, O_RDWR, &fd, err);
    for (size_t y = 0; !rc && y < cube->ny; y += cube->layout.tile_y) {
        fill_strip(cube, pixels, y, work);
        if (cube->layout.big_endian != host_is_big_endian)
            swap_bytes(work, n);
        rc = pcl_bulk_pwrite(fd, cube->layout.pixel_file, work, n * sizeof *work,
                             strip_offset(cube, ipol, ichan, y), err);
    }
    if (!rc) /* the way to the disk begins now: less is left for pcl_cube_sync_all */
        (void)sync_file_range(fd, (off_t)strip_offset(cube, ipol, ichan, 0),
                              (off_t)(plane_size(cube) * sizeof *work), SYNC_FILE_RANGE_WRITE);
    rc = close_file(fd, cube->layout.pixel_file, rc, err);
    if (rc)
        pcl_err_prefix(err, "channel %zu, polarization %zu: ", ichan, ipol);
    return rc;
}

/* Bits [first, first + n) = mask, eight at a time where they fill a byte. */
static void set_bits(const bool *mask, size_t n, size_t first, unsigned char *bits) {
    size_t i = 0;
    for (; i < n && (first + i) % 8; i++)
        bits[(first + i) / 8] = (unsigned char)(bits[(first + i) / 8] | mask[i] << (first + i) % 8);
    for (; i + 8 <= n; i += 8) {
        uint64_t eight;
        memcpy(&eight, mask + i, sizeof eight); /* the product brings the k-th of them to bit 56
                                                 * + k */
        bits[(first + i) / 8] = (unsigned char)(le64toh(eight) * 0x0102040810204080u >> 56);
    }
    for (; i < n; i++)
        bits[(first + i) / 8] = (unsigned char)(bits[(first + i) / 8] | mask[i] << (first + i) % 8);
}

int pcl_cube_write_mask(pcl_cube *cube, size_t ipol, size_t ichan, const bool *mask, float *work,
                        pclean_err *err) {
    if (ipol >= cube->npol || ichan >= cube->nchan || cube->finished || !*cube->layout.mask_file)
        return PCL_FAIL(err, PCLEAN_EBUG,
                        "%s: no mask for polarization %zu, channel %zu of %zu x %zu",
                        cube->part_path, ipol, ichan, cube->npol, cube->nchan);
    const size_t tile_x = cube->layout.tile_x, tile_y = cube->layout.tile_y,
                 tile_bytes = (tile_x * tile_y + 7) / 8;
    const size_t size = div_up(cube->nx, tile_x) * tile_bytes, nstrip = div_up(cube->ny, tile_y);
    unsigned char *bytes = (unsigned char *)work; /* a bit for each float of the work space: it
                                                   * fits */
    int fd, rc = open_file(cube->layout.mask_file, O_RDWR, &fd, err);
    for (size_t k = 0; !rc && k < nstrip; k++) {
        unsigned char *tile = bytes;
        memset(bytes, 0, size);
        for (size_t x = 0; x < cube->nx; x += tile_x, tile += tile_bytes) {
            const size_t width = cube->nx - x < tile_x ? cube->nx - x : tile_x;
            for (size_t y = k * tile_y; y < (k + 1) * tile_y && y < cube->ny; y++)
                set_bits(mask + y * cube->nx + x, width, (y - k * tile_y) * tile_x, tile);
        }
        rc = pcl_bulk_pwrite(fd, cube->layout.mask_file, bytes, size,
                             ((uint64_t)(ichan * cube->npol + ipol) * nstrip + k) * size, err);
    }
    return close_file(fd, cube->layout.mask_file, rc, err);
}

int pcl_cube_read_plane(pcl_cube *cube, size_t ipol, size_t ichan, float *pixels, float *work,
                        pclean_err *err) {
    if (ipol >= cube->npol || ichan >= cube->nchan || cube->finished)
        return PCL_FAIL(err, PCLEAN_EBUG,
                        "%s: cannot read polarization %zu, channel %zu of %zu x %zu",
                        cube->part_path, ipol, ichan, cube->npol, cube->nchan);
    const size_t n = pcl_cube_work_size(cube), tile_x = cube->layout.tile_x,
                 tile_y = cube->layout.tile_y;
    int fd, rc = open_file(cube->layout.pixel_file, O_RDONLY, &fd, err);
    for (size_t y = 0; !rc && y < cube->ny; y += tile_y) {
        rc = pcl_bulk_pread(fd, cube->layout.pixel_file, work, n * sizeof *work,
                            strip_offset(cube, ipol, ichan, y), err);
        if (cube->layout.big_endian != host_is_big_endian)
            swap_bytes(work, n);
        const float *tile = work;
        for (size_t x = 0; !rc && x < cube->nx; x += tile_x, tile += tile_x * tile_y)
            for (size_t j = 0; j < tile_y && y + j < cube->ny; j++)
                memcpy(pixels + (y + j) * cube->nx + x, tile + j * tile_x,
                       (cube->nx - x < tile_x ? cube->nx - x : tile_x) * sizeof *pixels);
    }
    return close_file(fd, cube->layout.pixel_file, rc, err);
}

int pcl_cube_finish(pcl_cube *cube, const casa_beam *beams, size_t nbeam,
                    const char *const *history, size_t nhistory, pclean_err *err) {
    cube->finished = true;
    return cube->virtual ? 0
                         : casa_image_finish(cube->part_path, beams, nbeam, history, nhistory, err);
}

int pcl_cube_sync_all(pcl_cube *const *cubes, size_t n, pclean_err *err) {
    int rc = 0;
    for (size_t k = 0; !rc && k < n; k++)
        if (cubes[k])
            rc = pcl_fs_sync_tree(cubes[k]->part_path, err);
    return rc;
}

/* ---- final names ---- */

/* Lets two folders change names in one step; where the file system cannot, by way of a third name,
 * b.old.part. 0 or errno. */
static int exchange_names(const char *a, const char *b) {
    if (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
        return 0;
    if (errno != EINVAL && errno != ENOSYS && errno != EOPNOTSUPP)
        return errno;
    char *aside = NULL;
    pclean_err why;
    if (pcl_asprintf(&aside, NULL, "%s.old.part", b) != 0)
        return ENOMEM;
    int failed = 0;
    if (pcl_fs_remove_tree(aside, &why) != 0) {
        failed = EEXIST;
    } else if (rename(b, aside) != 0) {
        failed = errno;
    } else if (rename(a, b) != 0) {
        failed = errno;
        if (rename(aside, b) != 0)
            pcl_log(PCL_LOG_WARNING, "the old %s is now called %s: %s", b, aside, strerror(errno));
    } else if (rename(aside, a) != 0) {
        pcl_log(PCL_LOG_WARNING, "the replaced %s is now called %s: %s", b, aside, strerror(errno));
    }
    pcl_free(aside);
    return failed;
}

int pcl_cube_exchange(const char *a, const char *b, pclean_err *err) {
    const int failed = exchange_names(a, b);
    return failed
               ? PCL_FAIL(err, PCLEAN_EIO, "cannot exchange %s with %s: %s", a, b, strerror(failed))
               : 0;
}

static int give_final_name(pcl_cube *cube, bool overwrite, pclean_err *err) {
    if (!overwrite || !pcl_fs_exists(cube->final_path))
        return pcl_fs_publish(cube->part_path, cube->final_path, false, err);
    const int rc = pcl_cube_exchange(cube->part_path, cube->final_path, err);
    cube->exchanged = !rc;
    return rc;
}

static void take_back_final_name(pcl_cube *cube) {
    int failed = 0;
    if (cube->exchanged)
        failed = exchange_names(cube->part_path, cube->final_path);
    else if (rename(cube->final_path, cube->part_path) != 0)
        failed = errno;
    if (failed)
        pcl_log(PCL_LOG_WARNING, "cannot undo the renaming of %s to %s: %s", cube->part_path,
                cube->final_path, strerror(failed));
    cube->exchanged = false;
}

/* The old product, now under the .part name. Its removal is tidying: the new one is in place. */
static void remove_old(const pcl_cube *cube) {
    pclean_err err;
    if (cube->exchanged && pcl_fs_remove_tree(cube->part_path, &err) != 0)
        pcl_log(PCL_LOG_WARNING, "the replaced product is left behind: %s", err.msg);
}

int pcl_cube_publish_all(pcl_cube *const *cubes, size_t n, bool overwrite, pclean_err *err) {
    size_t done = 0;
    int rc = 0;
    for (; done < n && rc == 0; done++)
        if (cubes[done] && !cubes[done]->published)
            rc = give_final_name(cubes[done], overwrite, err);
    if (rc) {
        done--; /* the one that failed */
        while (done-- > 0)
            if (cubes[done] && !cubes[done]->published)
                take_back_final_name(cubes[done]);
        return rc;
    }
    for (size_t i = 0; i < n; i++)
        if (cubes[i]) {
            remove_old(cubes[i]);
            cubes[i]->exchanged = false;
            cubes[i]->published = true;
        }
    return 0;
}

int pcl_cube_publish(pcl_cube *cube, bool overwrite, pclean_err *err) {
    return pcl_cube_publish_all(&cube, 1, overwrite, err);
}

/* ---- the rest ---- */

const char *pcl_cube_final_path(const pcl_cube *cube) {
    return cube->final_path;
}

const char *pcl_cube_path(const pcl_cube *cube) {
    return cube->published ? cube->final_path : cube->part_path;
}

void pcl_cube_free(pcl_cube *cube) {
    if (!cube)
        return;
    pcl_free(cube->part_path);
    pcl_free(cube->final_path);
    pcl_free(cube);
}

void pcl_cube_abort(pcl_cube *cube) {
    pclean_err err;
    if (cube && !cube->published && pcl_fs_remove_tree(cube->part_path, &err) != 0)
        pcl_log(PCL_LOG_WARNING, "an unfinished product is left behind: %s", err.msg);
    pcl_cube_free(cube);
}
