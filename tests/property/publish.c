/* publish.c: what a kill at the end of a run leaves, while one product after the other gets its
 * final name. The run is stopped at no place; the folder is copied after each rename (these
 * functions stand before the C library's), which is what a kill there would leave. In each copy
 * every product is the old or the new one, whole; where the record of a run is, all are of one run;
 * and the next run with overwrite makes all new and leaves nothing else. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "config/config.h"
#include "folder.h"
#include "pclean/concat.h"
#include "pclean/run.h"
#include "unit/check.h"

/* The folder holds run, that of the products, and copies 0, 1 ... of it. */
static bool watched;
static size_t ncopy;

static const char *copy_of(size_t i, const char *name) {
    return in_folder("%zu/%s", i, name);
}

static void keep_a_copy(void) {
    pclean_err err;
    if (!watched)
        return;
    watched = false;
    assert_ok(pcl_fs_copy_tree(in_folder("run"), copy_of(ncopy++, ""), false, &err));
    watched = true;
}

/* The last rename of a run, that of its record, goes by way of rename; the products mostly by way
 * of renameat2. */
int rename(const char *from, const char *to) {
    const int rc = (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
    const int saved = errno;
    keep_a_copy();
    errno = saved;
    return rc;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags) {
    const int rc = (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
    const int saved = errno;
    keep_a_copy();
    errno = saved;
    return rc;
}

/* A file system without hard links, for what the run itself makes. */
static bool links_fail;

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags) {
    if (links_fail) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

/* All that is to be written is on the disk before the first name changes, and nothing is aside
 * meanwhile. */
static size_t nsync;

int fsync(int fd) {
    const int rc = (int)syscall(SYS_fsync, fd);
    if (watched && !links_fail) {
        nsync++;
        assert_true(pcl_fs_exists(in_folder("run/a.image")));
    }
    return rc;
}

/* An image of 4 channels in two sub-cubes; the new run's differ from the old one's in their
 * weighting. */
static void configure(pclean_config *c, const char *place, const char *weighting, const char *mode,
                      bool keep) {
    const char *const set[][2] = {{"vis", PCLEAN_TEST_DATA "/vla_ngc5921.ms"},
                                  {"imsize", "16"},
                                  {"cell", "30arcsec"},
                                  {"specmode", "cube"},
                                  {"start", "3"},
                                  {"nchan", "4"},
                                  {"cube_chunksize", "2"},
                                  {"weighting", weighting},
                                  {"concat_mode", mode},
                                  {"keep_subcubes", keep ? "true" : "false"},
                                  {"overwrite", "true"},
                                  {"imagename", place}};
    pclean_err err;
    assert_ok(pcl_config_init(c, &err));
    for (size_t i = 0; i < sizeof set / sizeof *set; i++)
        assert_ok(pclean_config_set(c, set[i][0], set[i][1], &err));
    c->nworkers = 1;
    c->threads = 1;
}

static void run(const char *place, const char *weighting, const char *mode, bool keep) {
    pclean_config c;
    pclean_err err;
    pclean_result *result = NULL;
    configure(&c, place, weighting, mode, keep);
    assert_ok(pclean_image(&c, NULL, &result, &err));
    pclean_result_free(result);
    pcl_config_clear(&c);
}

static const char *const products[] = {".psf", ".residual", ".model", ".image", ".pb", ".sumwt"};
enum { NPRODUCT = 6, NCHAN = 4 };
typedef uint64_t sums[NPRODUCT][NCHAN];

/* Checksums of the planes of a product; false: it is not there. Any that is there can be read. */
static bool sum(const char *place, size_t k, uint64_t *out) {
    char path[900];
    pclean_err err;
    pclean_verify_result *r = NULL;
    snprintf(path, sizeof path, "%s%s", place, products[k]);
    if (!pcl_fs_exists(path))
        return false;
    pclean_verify_options o;
    pclean_verify_options_init(&o, sizeof o);
    o.full = o.allow_blank = true;
    assert_ok(pclean_verify_image(path, &o, &r, &err));
    assert_int_equal(r->nplane, NCHAN);
    memcpy(out, r->checksum, NCHAN * sizeof *out);
    pclean_verify_result_free(r);
    return true;
}

static size_t count_entries(const char *path, const char *ending) {
    size_t n = 0;
    DIR *stream = opendir(path);
    assert_non_null(stream);
    for (struct dirent *e; (e = readdir(stream)) != NULL;) {
        const size_t length = strlen(e->d_name), end = strlen(ending);
        n += e->d_name[0] != '.' && length >= end && strcmp(e->d_name + length - end, ending) == 0;
    }
    closedir(stream);
    return n;
}

/* lists_aside: the file system has no second names (hard links), and lists of sub-cubes beside them
 * are aside meanwhile. */
static void check(const char *old_mode, const char *new_mode, bool keep, bool lists_aside) {
    pclean_err err;
    sums before, after, found;
    assert_ok(pcl_fs_remove_tree(folder, &err));
    assert_int_equal(mkdir(folder, 0777), 0);
    assert_int_equal(mkdir(in_folder("run"), 0777), 0);
    run(in_folder("run/a"), "natural", old_mode, keep);
    for (size_t k = 0; k < NPRODUCT; k++)
        assert_true(sum(in_folder("run/a"), k, before[k]));
    ncopy = nsync = 0;
    watched = true;
    run(in_folder("run/a"), "uniform", new_mode, keep);
    watched = false;
    for (size_t k = 0; k < NPRODUCT; k++)
        assert_true(sum(in_folder("run/a"), k, after[k]));
    assert_memory_not_equal(before[3], after[3], sizeof before[3]);
    const size_t nentry = count_entries(in_folder("run"), "");
    assert_int_equal(count_entries(in_folder("run"), ".part"), 0);
    assert_true(ncopy > NPRODUCT);
    assert_true(links_fail || nsync > 10 * NPRODUCT);
    size_t nmissing = 0;
    for (size_t i = 0; i < ncopy; i++) {
        size_t nold = 0, nnew = 0;
        for (size_t k = 0; k < NPRODUCT; k++) {
            if (!sum(copy_of(i, "a"), k, found[k])) {
                nmissing++;
                continue;
            }
            const bool old = memcmp(found[k], before[k], sizeof found[k]) == 0,
                       new = memcmp(found[k], after[k], sizeof found[k]) == 0;
            if (!old && !new)
                fail_msg("%s -> %s, copy %zu of %zu: %s holds planes of both runs", old_mode,
                         new_mode, i, ncopy, products[k]);
            nold += old && !new;
            nnew += new && !old;
        }
        if (pcl_fs_exists(copy_of(i, "a.run.json")))
            assert_true(nold == 0 || nnew == 0);
        if (i % 9 != 4 && i + 1 < ncopy)
            continue;
        run(copy_of(i, "a"), "uniform", new_mode, keep); /* the next run */
        for (size_t k = 0; k < NPRODUCT; k++) {
            assert_true(sum(copy_of(i, "a"), k, found[k]));
            assert_memory_equal(found[k], after[k], sizeof found[k]);
        }
        assert_int_equal(count_entries(copy_of(i, ""), ""), nentry);
    }
    assert_true(lists_aside ? nmissing > 0 : nmissing == 0);
}

static void a_killed_run_leaves_whole_products(void **state) {
    (void)state;
    check("movevirtual", "movevirtual", false, false);
    check("paged", "paged", true, false);
    check("paged", "virtual", true, false);
    check("virtual", "virtual", true, false);
    check("virtual", "paged", true, false);
    check("virtual", "movevirtual", false, false);
}

/* A list that is aside comes back with the next run, also with one that fails; until then all is on
 * the disk. */
static void what_is_aside_comes_back(void **state) {
    (void)state;
    links_fail = true;
    check("virtual", "virtual", true, true);
    links_fail = false;
    const char *const name = in_folder("run/a");
    char path[900], aside[920];
    sums found, again;
    for (size_t k = 0; k < NPRODUCT; k++) {
        assert_true(sum(name, k, found[k]));
        snprintf(path, sizeof path, "%s%s", name, products[k]);
        snprintf(aside, sizeof aside, "%s.old.part", path);
        assert_int_equal(rename(path, aside), 0);
    }
    snprintf(path, sizeof path, "%s.subcube.1.psf", name);
    snprintf(aside, sizeof aside, "%s.old.part", path);
    assert_int_equal(rename(path, aside), 0);
    snprintf(path, sizeof path, "%s.run.json", name); /* the first to step aside */
    snprintf(aside, sizeof aside, "%s.aside", path);
    assert_int_equal(rename(path, aside), 0);
    pclean_config c;
    pclean_err err;
    pclean_result *result = NULL;
    configure(&c, name, "natural", "virtual", true);
    assert_ok(pclean_config_set(&c, "field", "77", &err));
    assert_int_not_equal(pclean_image(&c, NULL, &result, &err), 0);
    pclean_result_free(result);
    pcl_config_clear(&c);
    for (size_t k = 0; k < NPRODUCT; k++) {
        assert_true(sum(name, k, again[k]));
        assert_memory_equal(found[k], again[k], sizeof found[k]);
    }
    assert_int_equal(count_entries(in_folder("run"), ".part"), 0);
}

static int set_up(void **state) {
    (void)state;
    return make_folder("publish", true);
}

static int tear_down(void **state) {
    watched = false;
    return remove_folder(state);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_killed_run_leaves_whole_products),
                                       cmocka_unit_test(what_is_aside_comes_back)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
