#include "join/joined.h"
#include "base/claim.h"
#include "base/fsutil.h"
#include "base/log.h"
#include "base/mem.h"
#include "casa/casa.h"
#include "image/kind.h"
#include "image/needed.h"
#include "image/virtual.h"
#include "join/resume.h"
#include "pclean.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Where the making of an image stands: tests end the process there. */
#ifdef PCL_TEST_STAGE
void pcl_test_stage(size_t i, const char *stage);
#else
#define pcl_test_stage(i, stage) ((void)0)
#endif

static bool is_virtual(const pcl_joined *j) {
    return j->mode != PCLEAN_CONCAT_PAGED;
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- names ---- */

static int copy_name(const char *name, char **out, pclean_err *err) {
    return name && *name ? pcl_fs_strip_slashes(name, out, err)
                         : PCL_FAIL(err, PCLEAN_EPARAM, "an image without a name");
}

/* The absolute path of a name of which the last part need not exist: its folder must. */
static int absolute(const char *path, char *buf, pclean_err *err) {
    char folder[PATH_MAX];
    const char *base = base_name(path);
    snprintf(folder, sizeof folder, "%.*s", base == path ? 1 : (int)(base - path),
             base == path ? "." : path);
    if (!realpath(folder, buf))
        return PCL_FAIL(err, PCLEAN_EIO, "%s: there is no folder %s; make it first", path, folder);
    const size_t n = strlen(buf);
    snprintf(buf + n, PATH_MAX - n, "%s%s", n > 1 ? "/" : "", base);
    return 0;
}

/* For pcl_apart: user is the output's name without its folders. */
static bool is_output(const char *name, const void *user) {
    const char *base = user, *rest = name + strlen(base);
    return strncmp(name, base, strlen(base)) == 0 &&
           (!*rest || strcmp(rest, ".concat.part") == 0 || strcmp(rest, ".lock") == 0);
}

/* An image that a virtual input lists is an input, too. */
static int check_apart(const pcl_joined *j, pclean_err *err) {
    char out[PATH_MAX + 1], *folder = NULL;
    const char *name;
    int rc = absolute(j->final_path, out, err);
    if (rc || (rc = pcl_fs_split(j->final_path, &folder, &name, err)))
        return rc;
    const pcl_apart outputs = {
        .name = j->final_path, .folder = folder, .is_output = is_output, .user = name};
    for (size_t i = 0; !rc && i < j->ninput; i++)
        rc = pcl_needed_check_image(&outputs, j->input[i], err);
    pcl_free(folder);
    return rc;
}

static int check_names(const pcl_joined *j, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < j->ninput; i++)
        if (!pcl_fs_is_dir(j->input[i]))
            rc = PCL_FAIL(err, PCLEAN_EIO, "%s: no such image", j->input[i]);
    if (!rc && pcl_fs_exists(j->final_path) && !j->options->overwrite)
        rc = PCL_FAIL(err, PCLEAN_EEXIST,
                      "%s exists already and is kept; choose another name, or allow overwriting "
                      "(--overwrite)",
                      j->final_path);
    return rc ? rc : pcl_kind_check_image(j->final_path, err);
}

static int claim(pcl_joined *j, pclean_err *err) {
    bool claimed;
    int rc = pcl_claim_take(j->lock_path, &j->claim, &claimed, err);
    if (rc == -PCLEAN_EEXIST)
        return rc;
    if (rc)
        pcl_err_prefix(err, "%s cannot be made in its folder, choose another: ", j->final_path);
    else if (!claimed)
        rc = PCL_FAIL(err, PCLEAN_EEXIST,
                      "another process is making %s now; wait for it, or choose another name",
                      j->final_path);
    return rc;
}

/* ---- decisions ---- */

/* Nothing is silently blank in a joined image. */
static void tell_blank(const pcl_joined *j) {
    for (size_t i = 0; j->series.nblank && i < j->series.n; i++) {
        const pcl_tiles_member *p = &j->series.pixels[i];
        bool blank = false;
        if (!casa_member_get_info(j->series.member[i])->beam &&
            !pcl_series_is_blank(&j->series, p, &blank, NULL) && blank)
            pcl_log(PCL_LOG_WARNING, "%s has no data: planes %zu to %zu of %s are blank",
                    casa_member_get_info(j->series.member[i])->path, p->offset,
                    p->offset + p->n - 1, j->final_path);
    }
}

static int check_virtual(const pcl_joined *j, pclean_err *err) {
    if (j->series.nblank)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "%s: an image without data has no beam, and CASA takes a virtual image "
                        "with and without beams for one without; use mode paged",
                        j->final_path);
    if (j->series.casa_regular != j->series.regular && j->series.n > 1)
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "%s: the images follow each other so nearly regularly that CASA would show "
                        "wrong frequencies in a virtual image; use mode paged",
                        j->final_path);
    if (j->series.nested && j->mode != PCLEAN_CONCAT_VIRTUAL)
        return PCL_FAIL(err, PCLEAN_EUNSUPPORTED,
                        "%s: one of the inputs is a virtual image itself, which cannot be moved or "
                        "copied into another; use mode paged or virtual",
                        j->final_path);
    for (size_t i = 0; j->mode != PCLEAN_CONCAT_VIRTUAL && i < j->series.n; i++)
        for (size_t k = 0; k < i; k++)
            if (strcmp(base_name(casa_member_get_info(j->series.member[i])->path),
                       base_name(casa_member_get_info(j->series.member[k])->path)) == 0)
                return PCL_FAIL(
                    err, PCLEAN_EPARAM,
                    "%s and %s have the same name and cannot lie in one folder; rename one of them",
                    casa_member_get_info(j->series.member[k])->path,
                    casa_member_get_info(j->series.member[i])->path);
    return 0;
}

bool pcl_joined_removes(const pcl_joined *j) {
    return j->mode == PCLEAN_CONCAT_MOVEVIRTUAL ||
           (j->options->delete_inputs && j->mode != PCLEAN_CONCAT_VIRTUAL);
}

/* A joining that was killed while it removed its inputs is taken up there; its image is not made
 * again. */
static int resume(pcl_joined *j, pclean_err *err) {
    int rc = 0;
    if (!pcl_joined_removes(j) || !pcl_fs_exists(j->final_path) || (rc = claim(j, err)))
        return rc;
    j->resumed = pcl_resume_check(j->final_path, (const char *const *)j->input, j->ninput,
                                  j->options, &j->series);
    if (j->resumed)
        pcl_log(PCL_LOG_INFO,
                "%s is complete; an earlier run was killed while it removed the inputs: those that "
                "are left go now",
                j->final_path);
    return 0;
}

int pcl_joined_open(pcl_joined *j, const char *outimage, const char *const *inputs, size_t ninput,
                    const pclean_concat_options *options, pclean_err *err) {
    *j = (pcl_joined){.claim = -1, .options = options, .mode = options->mode};
    if (j->mode == PCLEAN_CONCAT_AUTO)
        j->mode = options->keep_subcubes ? PCLEAN_CONCAT_VIRTUAL : PCLEAN_CONCAT_PAGED;
    const pcl_series_options load = {
        .axis = options->axis, .relax = options->relax, .reorder = options->reorder};
    int rc = copy_name(outimage, &j->final_path, err);
    if (!rc && !(rc = pcl_asprintf(&j->part_path, err, "%s.concat.part", j->final_path)) &&
        !(rc = pcl_asprintf(&j->lock_path, err, "%s.lock", j->final_path)))
        rc = PCL_ZNEW(&j->input, ninput, "list of inputs", err);
    for (; !rc && j->ninput < ninput; j->ninput += !rc)
        rc = copy_name(inputs[j->ninput], &j->input[j->ninput], err);
    if (rc || (rc = check_apart(j, err)) || (rc = resume(j, err)) || j->resumed ||
        (rc = check_names(j, err)) || (j->claim < 0 && (rc = claim(j, err))) ||
        (rc = pcl_claim_check(j->lock_path, j->part_path, err)) ||
        (rc = pcl_series_load((const char *const *)j->input, ninput, &load, &j->series, err)))
        return rc;
    if (is_virtual(j))
        return check_virtual(j, err);
    tell_blank(j);
    return 0;
}

/* ---- making: paged ---- */

/* The first image's tiles, so that they can be copied whole; but tiles of a few pixels would make a
 * slow image. */
static int choose_tile(const pcl_joined *j, size_t *tile, pclean_err *err) {
    const casa_tiles *first = j->series.pixels[0].tiles;
    size_t shape[CASA_MAX_DIM], size = pcl_tiles_pixel(first);
    memcpy(shape, first->shape, sizeof shape);
    memcpy(tile, first->tile, sizeof shape);
    shape[j->series.axis] = j->series.total;
    for (size_t i = 0; i < first->ndim; i++)
        size *= tile[i];
    return size < 4096 ? casa_default_tile(first->ndim, shape, tile, err) : 0;
}

static bool all_line_up(const pcl_tiles_series *series, const casa_tiles *out) {
    for (size_t i = 0; i < series->n; i++) {
        const pcl_tiles_member *m = &series->member[i];
        if (!m->tiles || !pcl_tiles_line_up(m->tiles, out, series->axis, m->offset))
            return false;
    }
    return true;
}

/* Whether whole tiles are copied, or the boxes that are repacked. */
static void plan_copy(const pcl_tiles_series *series, const casa_tiles *out, bool *whole,
                      pcl_boxes *boxes) {
    *whole = all_line_up(series, out);
    pcl_boxes_make(out, PCL_SERIES_BOX_BYTES, series->axis, pcl_tiles_thickest(series), boxes);
}

static int reserve(const casa_tiles *t, pclean_err *err) {
    const int fd = open(t->file, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return PCL_FAIL(err, PCLEAN_EIO, "cannot open %s: %s", t->file, strerror(errno));
    const int rc = pcl_fs_allocate(fd, t->file, pcl_tiles_size(t), err);
    close(fd);
    return rc;
}

static void free_lines(char **lines, size_t n) {
    for (size_t i = 0; lines && i < n; i++)
        pcl_free(lines[i]);
    pcl_free(lines);
}

/* One line for the whole, one for each input. */
static int history(const pcl_joined *j, char ***lines, size_t *n, pclean_err *err) {
    *n = 0;
    int rc = PCL_ZNEW(lines, j->series.n + 1, "history", err);
    if (!rc)
        rc = pcl_asprintf(&(*lines)[(*n)++], err,
                          "pclean " PCLEAN_VERSION " concat: %zu image%s along axis %zu%s",
                          j->series.n, j->series.n == 1 ? "" : "s", j->series.axis,
                          j->series.regular ? "" : ", which becomes a table");
    for (size_t i = 0; !rc && i < j->series.n; i++) {
        const pcl_tiles_member *p = &j->series.pixels[i];
        rc = pcl_asprintf(&(*lines)[(*n)++], err, "pixels %zu-%zu" PCL_RESUME_LINE, p->offset,
                          p->offset + p->n - 1, casa_member_get_info(j->series.member[i])->path);
    }
    return rc;
}

static int make_paged(pcl_joined *j, pclean_err *err) {
    const char *path = j->part_path;
    char **lines = NULL;
    size_t nline = 0;
    casa_join join = {.member = j->series.member,
                      .nmember = j->series.n,
                      .axis = j->series.axis,
                      .regular = j->series.regular,
                      .value = j->series.value,
                      .masked = j->series.mask != NULL};
    int rc = choose_tile(j, join.tile, err);
    if (!rc && !(rc = history(j, &lines, &nline, err))) {
        join.history = (const char *const *)lines;
        join.nhistory = nline;
        rc = casa_join_create(path, &join, err);
        j->exists = !rc;
    }
    free_lines(lines, nline);
    const pcl_series_options load = {.axis = (int)j->series.axis, .relax = true, .trusted = true};
    if (rc || (rc = pcl_series_load(&path, 1, &load, &j->made, err)) ||
        (rc = reserve(j->made.pixels[0].tiles, err)) ||
        (j->made.mask && (rc = reserve(j->made.mask[0].tiles, err))))
        return rc;
    const pcl_tiles_series pixels = pcl_series_pixels(&j->series),
                           masks = pcl_series_masks(&j->series);
    plan_copy(&pixels, j->made.pixels[0].tiles, &j->whole_pixels, &j->pixel_boxes);
    if (j->made.mask)
        plan_copy(&masks, j->made.mask[0].tiles, &j->whole_mask, &j->mask_boxes);
    return 0;
}

/* ---- making: virtual ---- */

/* Whether the inputs can be taken out of their folders, which shall be known before the joined
 * image is there. */
static int check_movable(const pcl_joined *j, pclean_err *err) {
    for (size_t i = 0; i < j->ninput; i++) {
        const char *base = base_name(j->input[i]);
        char folder[PATH_MAX];
        struct stat st;
        snprintf(folder, sizeof folder, "%.*s", base == j->input[i] ? 1 : (int)(base - j->input[i]),
                 base == j->input[i] ? "." : j->input[i]);
        /* the image itself would stay, and share its files with the new one */
        if (lstat(j->input[i], &st) == 0 && S_ISLNK(st.st_mode))
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "%s is a symbolic link and cannot be moved; give the name of the image "
                            "itself, or use mode copyvirtual",
                            j->input[i]);
        if (access(folder, W_OK) != 0 || access(j->input[i], W_OK) != 0)
            return PCL_FAIL(err, PCLEAN_EIO, "cannot move %s: %s; use another mode", j->input[i],
                            strerror(errno));
    }
    return 0;
}

/* A moved input is first given a second name in the new folder, file by file (hard links), and
 * loses its first one when the joined image is in place: whatever happens, one of the two is
 * whole. */
static int take_in(const pcl_joined *j, const char *from, const char *to, pclean_err *err) {
    const bool move = j->mode == PCLEAN_CONCAT_MOVEVIRTUAL;
    pclean_err why = {0}; /* a success leaves no error behind: this one is told only if it stands */
    int rc = pcl_fs_copy_tree(from, to, move ? PCL_FS_LINK : PCL_FS_COPY, &why);
    if (move && rc == -PCLEAN_EUNSUPPORTED && j->options->allow_copy &&
        !(rc = pcl_fs_remove_tree(to, &why)))
        rc = pcl_fs_copy_tree(from, to, PCL_FS_COPY, &why);
    if (rc == -PCLEAN_EUNSUPPORTED)
        pcl_err_prefix(&why,
                       "%s cannot be moved into %s without copying it; allow that (--allow-copy), "
                       "or use mode paged or virtual: ",
                       from, j->final_path);
    if (rc && err)
        *err = why;
    return rc;
}

/* How an input is called in the list: as casacore does. */
static int list_name(const pcl_joined *j, const char *path, char **out, pclean_err *err) {
    char in[PATH_MAX + 1], image[PATH_MAX + 1];
    if (j->mode != PCLEAN_CONCAT_VIRTUAL)
        return pcl_asprintf(out, err, "././%s", base_name(path));
    int rc = absolute(j->final_path, image, err);
    if (rc || (rc = absolute(path, in, err)))
        return rc;
    const size_t n = (size_t)(base_name(image) - image);
    return strncmp(in, image, n) == 0 && !strchr(in + n, '/')
               ? pcl_asprintf(out, err, "./%s", in + n)
               : pcl_strdup(out, in, err);
}

static int make_virtual(pcl_joined *j, pclean_err *err) {
    pcl_virtual list = {.axis = j->series.axis};
    int rc = j->mode == PCLEAN_CONCAT_MOVEVIRTUAL ? check_movable(j, err) : 0;
    snprintf(list.type, sizeof list.type, "%s", casa_member_get_info(j->series.member[0])->type);
    if (!rc && mkdir(j->part_path, 0777) != 0)
        rc = PCL_FAIL(err, errno == ENOSPC || errno == EDQUOT ? PCLEAN_ENOSPC : PCLEAN_EIO,
                      "cannot make the folder %s: %s", j->part_path, strerror(errno));
    j->exists = !rc;
    if (!rc)
        rc = PCL_ZNEW(&list.image, j->series.n, "list of images", err);
    for (; !rc && list.n < j->series.n; list.n += !rc) {
        const char *path = casa_member_get_info(j->series.member[list.n])->path;
        char *inside = NULL;
        if (j->mode != PCLEAN_CONCAT_VIRTUAL &&
            !(rc = pcl_asprintf(&inside, err, "%s/%s", j->part_path, base_name(path))))
            rc = take_in(j, path, inside, err);
        pcl_free(inside);
        pcl_test_stage(list.n, "taken in");
        if (!rc)
            rc = list_name(j, path, &list.image[list.n], err);
    }
    if (!rc)
        rc = pcl_virtual_write(j->part_path, &list, err);
    pcl_virtual_clear(&list);
    return rc;
}

int pcl_joined_make(pcl_joined *j, pclean_err *err) {
    if (j->resumed)
        return 0;
    int rc = pcl_claim_make_way(j->lock_path, j->claim, j->part_path, err);
    pcl_test_stage(0, "make");
    if (!rc)
        rc = is_virtual(j) ? make_virtual(j, err) : make_paged(j, err);
    pcl_test_stage(0, "made");
    return rc;
}

/* ---- pixels ---- */

/* The jobs of one array: a member each, or a box each. */
static size_t job_count(const pcl_joined *j, bool whole, const pcl_boxes *boxes) {
    return whole ? j->series.n : boxes->n;
}

size_t pcl_joined_njob(const pcl_joined *j) {
    if (is_virtual(j) || j->resumed)
        return 0;
    return job_count(j, j->whole_pixels, &j->pixel_boxes) +
           (j->made.mask ? job_count(j, j->whole_mask, &j->mask_boxes) : 0);
}

int pcl_joined_job(const pcl_joined *j, size_t i, pcl_tiles_room *room,
                   const pcl_tiles_watch *watch, pclean_err *err) {
    const size_t npixel = job_count(j, j->whole_pixels, &j->pixel_boxes);
    const bool mask = i >= npixel, whole = mask ? j->whole_mask : j->whole_pixels;
    const pcl_tiles_series series =
        mask ? pcl_series_masks(&j->series) : pcl_series_pixels(&j->series);
    const casa_tiles *out = mask ? j->made.mask[0].tiles : j->made.pixels[0].tiles;
    const size_t k = mask ? i - npixel : i;
    pcl_test_stage(i, "job");
    if (whole) {
        const pcl_tiles_member *m = &series.member[k];
        return pcl_tiles_copy(m->tiles, out, series.axis, m->offset, watch, err);
    }
    pcl_box box;
    pcl_boxes_get(mask ? &j->mask_boxes : &j->pixel_boxes, out, k, &box);
    return pcl_tiles_repack(&series, out, &box, room, watch, err);
}

uint64_t pcl_joined_bytes_whole(const pcl_joined *j) {
    return (j->whole_pixels ? pcl_tiles_size(j->made.pixels[0].tiles) : 0) +
           (j->whole_mask ? pcl_tiles_size(j->made.mask[0].tiles) : 0);
}

uint64_t pcl_joined_bytes(const pcl_joined *j) {
    if (is_virtual(j) || !j->made.n)
        return 0;
    return pcl_tiles_size(j->made.pixels[0].tiles) +
           (j->made.mask ? pcl_tiles_size(j->made.mask[0].tiles) : 0);
}

int pcl_joined_sync(const pcl_joined *j, pclean_err *err) {
    pcl_test_stage(0, "sync");
    return j->resumed ? 0 : pcl_fs_sync_tree(j->part_path, err);
}

/* ---- the end ---- */

/* The image as another program will find it: its axis and its pixels must be those of the
 * inputs. */
static int verify(const pcl_joined *j, pclean_err *err) {
    const char *path = j->part_path;
    const pcl_series_options load = {
        .axis = (int)j->series.axis, .relax = true, .trusted = !is_virtual(j)};
    pcl_series again = {0};
    long where = -1;
    int rc = is_virtual(j) ? 0 : casa_image_read_back(path, j->series.n + 1, err);
    if (!rc)
        rc = pcl_series_load(&path, 1, &load, &again, err);
    for (size_t i = 0; !rc && i < again.total && i < j->series.total; i++) {
        const size_t k = i > 0 && i + 1 == again.total ? i - 1 : i;
        const double step =
            again.total > 1 ? fabs(again.value[k + 1] - again.value[k]) : fabs(again.value[0]) + 1;
        if (!(fabs(again.value[i] - j->series.value[i]) <= 0.02 * step))
            rc = PCL_FAIL(err, PCLEAN_EFAILED, "plane %zu is at %.9g where its input is at %.9g", i,
                          again.value[i], j->series.value[i]);
    }
    if (!rc &&
        !(rc = pcl_series_compare(&again, &j->series, j->options->verify_full, &where, err)) &&
        where >= 0)
        rc = PCL_FAIL(err, PCLEAN_EFAILED, "plane %ld is not that of its input", where);
    pcl_series_clear(&again);
    if (rc)
        pcl_err_prefix(
            err,
            "the joined image %s is not right and was removed; did an input change meanwhile? ",
            j->final_path);
    return rc;
}

static int publish(pcl_joined *j, pclean_err *err) {
    /* a list beside which its images lie is right only under its final name's folder: part_path is
     * in the same one */
    int rc = verify(j, err);
    pcl_test_stage(0, "publish");
    if (!rc && !(rc = pcl_kind_check_image(j->final_path, err)) &&
        !(rc = pcl_fs_publish(j->part_path, j->final_path, j->options->overwrite, err)))
        j->exists = false;
    pcl_test_stage(0, "published");
    return rc;
}

int pcl_joined_finish(pcl_joined *j, pclean_err *err) {
    const int rc = j->resumed ? 0 : publish(j, err);
    return !rc && j->mode == PCLEAN_CONCAT_MOVEVIRTUAL ? pcl_joined_remove_inputs(j, err) : rc;
}

/* What is left of it after a kill is known by what it lacks: that goes first. */
static int remove_marks(const char *aside, pclean_err *err) {
    static const char *const mark[] = {"table.info", "imageconcat.json"};
    int rc = 0;
    for (size_t i = 0; !rc && i < sizeof mark / sizeof *mark; i++) {
        char *file = NULL;
        if (!(rc = pcl_asprintf(&file, err, "%s/%s", aside, mark[i])))
            rc = pcl_fs_remove_tree(file, err);
        pcl_free(file);
    }
    return rc;
}

static int remove_input(const pcl_joined *j, const char *input, pclean_err *err) {
    char *aside = NULL;
    int rc = pcl_resume_aside(input, &aside, err);
    if (!rc && !pcl_resume_may_remove(aside, j->resumed ? &j->series : NULL, j->options))
        rc =
            PCL_FAIL(err, PCLEAN_EEXIST,
                     "%s is complete, but its input %s is not removed: %s is in the way; move that",
                     j->final_path, input, aside);
    if (!rc && !(rc = pcl_fs_remove_tree(aside, err)) /* of a process that was killed here */ &&
        rename(input, aside) != 0 && !(errno == ENOENT && j->resumed))
        rc = PCL_FAIL(err, PCLEAN_EIO, "%s is complete, but its input %s could not be removed: %s",
                      j->final_path, input, strerror(errno));
    pcl_test_stage(0, "aside");
    if (!rc && !(rc = remove_marks(aside, err)))
        rc = pcl_fs_remove_tree(aside, err);
    pcl_free(aside);
    return rc;
}

int pcl_joined_remove_inputs(const pcl_joined *j, pclean_err *err) {
    int rc = 0;
    for (size_t i = 0; !rc && i < j->ninput; i++) {
        rc = remove_input(j, j->input[i], err);
        pcl_test_stage(i, "removed");
    }
    return rc;
}

void pcl_joined_clear(pcl_joined *j) {
    pclean_err err;
    if (j->exists && pcl_fs_remove_tree(j->part_path, &err) != 0)
        pcl_log(PCL_LOG_WARNING, "an unfinished image is left behind: %s", err.msg);
    pcl_series_clear(&j->made);
    pcl_series_clear(&j->series);
    if (j->lock_path)
        pcl_claim_drop(j->lock_path, j->claim);
    for (size_t i = 0; i < j->ninput; i++)
        pcl_free(j->input[i]);
    pcl_free(j->input);
    pcl_free(j->final_path);
    pcl_free(j->part_path);
    pcl_free(j->lock_path);
    *j = (pcl_joined){.claim = -1};
}
