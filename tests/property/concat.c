/* concat.c: a process that joins images is killed at every stage: there is the old image or the
 * complete new one, the inputs are whole (or, movevirtual, inside it), and doing it again succeeds.
 * src/join/joined.c is compiled into this test with PCL_TEST_STAGE. */
#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fsutil.h"
#include "casa/casa.h"
#include "folder.h"
#include "pclean/concat.h"
#include "unit/check.h"

static pclean_err err;

static struct shared {
    int at;            /* the process dies when it passes its at-th stage; 0: never */
    volatile int seen; /* stages passed */
    bool spoil;        /* loses table.info of the image in the making */
} * shared;

void pcl_test_stage(size_t i, const char *stage);
void pcl_test_stage(size_t i, const char *stage) {
    (void)i;
    if (shared->spoil && strcmp(stage, "sync") == 0)
        assert_int_equal(truncate(in_folder("out.image.concat.part/table.info"), 0), 0);
    if (__atomic_add_fetch(&shared->seen, 1, __ATOMIC_SEQ_CST) == shared->at)
        raise(SIGKILL);
}

/* An image of one channel with pixels of one value, a mask (all good) and some history. */
static void make_image(const char *path, size_t ichan, float value) {
    const casa_image_desc d = {.nx = 20,
                               .ny = 10,
                               .npol = 1,
                               .nchan = 1,
                               .stokes = {1},
                               .centre = {0, 1, 0.5},
                               .increment_x_rad = -1e-5,
                               .increment_y_rad = 1e-5,
                               .projection = "SIN",
                               .freq_frame = 1,
                               .crval_hz = 1e9 + 1e6 * (double)ichan,
                               .cdelt_hz = 1e6,
                               .time_ref = "UTC",
                               .position_itrf_m = {1e6, 2e6, 6e6}};
    casa_image_layout layout;
    const char *const history[] = {"made for a test", "and nothing else"};
    const casa_beam beam = {3e-5, 2e-5, 0.1};
    float pixels[200];
    bool good[200];
    for (size_t i = 0; i < 200; i++) {
        pixels[i] = value;
        good[i] = true;
    }
    assert_ok(casa_image_create(path, &d, good, &layout, &err));
    assert_ok(casa_image_finish(path, &beam, 1, history, 2, &err));
    assert_ok(pcl_fs_write_text(layout.pixel_file, (char *)pixels, sizeof pixels, &err));
}

#ifdef __SANITIZE_ADDRESS__ /* where a fork takes ten times as long */
enum { NROUND = 42, FIRST_OLD = 1 };
#else
enum { NROUND = 210, FIRST_OLD = 0 };
#endif

enum { NPART = 3 };
static const char *const inputs[NPART] = {"a.image", "b.image", "c.image"};

static void start_afresh(bool old) {
    assert_ok(pcl_fs_remove_tree(folder, &err));
    assert_int_equal(mkdir(folder, 0777), 0);
    for (size_t i = 0; i < NPART; i++)
        make_image(in_folder(inputs[i]), i, (float)(i + 1));
    if (old)
        make_image(in_folder("out.image"), 0, 77);
}

/* Paged, and the inputs are removed. */
enum { PAGED_DELETE = 100 };

static bool removes(int mode) {
    return mode == PCLEAN_CONCAT_MOVEVIRTUAL || mode == PAGED_DELETE;
}

static int join(int mode, pclean_err *why) {
    pclean_concat_options o;
    pclean_concat_options_init(&o, sizeof o);
    o.delete_inputs = mode == PAGED_DELETE;
    o.mode = o.delete_inputs ? PCLEAN_CONCAT_PAGED : mode;
    o.max_workers = 1;
    const char *names[NPART];
    for (size_t i = 0; i < NPART; i++)
        names[i] = in_folder(inputs[i]);
    return pclean_concat_images(in_folder("out.image"), names, NPART, &o, NULL, NULL, why);
}

/* Channels of an image, 0: it is not there; each must have the value first + its number. */
static size_t channels_of(const char *path, float first) {
    casa_image *im;
    casa_image_desc d;
    float pixels[200];
    if (!pcl_fs_exists(path))
        return 0;
    assert_ok(casa_image_open(path, &im, &err));
    assert_ok(casa_image_get_desc(im, &d, &err));
    for (size_t c = 0; c < d.nchan; c++) {
        assert_ok(casa_image_read_plane(im, 0, c, pixels, NULL, &err));
        for (size_t i = 0; i < 200; i++)
            assert_true(pixels[i] == first + (float)c);
    }
    casa_image_close(im);
    return d.nchan;
}

static char *read_file(const char *path, size_t *size) {
    struct stat st;
    FILE *f = fopen(path, "rb");
    assert_true(f && fstat(fileno(f), &st) == 0);
    char *bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    *size = fread(bytes, 1, (size_t)st.st_size, f);
    fclose(f);
    return bytes;
}

static bool is_old(void) {
    casa_image *im;
    float pixels[200];
    assert_ok(casa_image_open(in_folder("out.image"), &im, &err));
    assert_ok(casa_image_read_plane(im, 0, 0, pixels, NULL, &err));
    casa_image_close(im);
    return pixels[0] == 77;
}

/* Joins in a child that dies at stage `at`; whether it died. */
static bool dies(int mode, int at) {
    *shared = (struct shared){.at = at};
    const pid_t pid = fork();
    if (pid == 0)
        _exit(join(mode, NULL) ? 1 : 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

static size_t count_entries(void) {
    size_t n = 0;
    DIR *stream = opendir(folder);
    assert_non_null(stream);
    for (struct dirent *e; (e = readdir(stream)) != NULL;)
        n += e->d_name[0] != '.';
    closedir(stream);
    return n;
}

static void killed_at_every_stage(void **state) {
    (void)state;
    const int modes[] = {PCLEAN_CONCAT_PAGED, PCLEAN_CONCAT_VIRTUAL, PCLEAN_CONCAT_MOVEVIRTUAL,
                         PCLEAN_CONCAT_COPYVIRTUAL, PAGED_DELETE};
    for (size_t m = 0; m < 5; m++)
        for (int old = FIRST_OLD; old < 2; old++) {
            int at = 1;
            for (;; at++) {
                start_afresh(old);
                if (!dies(modes[m], at))
                    break;
                const bool before = !pcl_fs_exists(in_folder("out.image")) || (old && is_old());
                assert_true(old || before == !pcl_fs_exists(in_folder("out.image")));
                if (!before)
                    assert_int_equal(channels_of(in_folder("out.image"), 1), NPART);
                for (size_t i = 0; i < NPART; i++) { /* whole, or gone into the new image */
                    const size_t n = channels_of(in_folder(inputs[i]), (float)(i + 1));
                    assert_true(n == 1 || (n == 0 && !before && removes(modes[m])));
                }
                *shared = (struct shared){0};
                assert_ok(join(modes[m], &err)); /* the same again finishes */
                assert_int_equal(channels_of(in_folder("out.image"), 1), NPART);
                assert_int_equal(count_entries(), removes(modes[m]) ? 1 : NPART + 1);
            }
            assert_true(at > 5); /* there were stages */
        }
    *shared = (struct shared){0};
}

/* Only what the joined image has been proven to hold is removed. */
static void what_is_not_in_the_image_is_kept(void **state) {
    (void)state;
    const int modes[] = {PCLEAN_CONCAT_MOVEVIRTUAL, PAGED_DELETE};
    for (size_t m = 0; m < 2; m++) {
        start_afresh(false);
        assert_ok(join(modes[m], &err));
        make_image(in_folder("b.image"), 1, 55); /* made anew meanwhile */
        assert_fails(join(modes[m], &err), PCLEAN_EIO, "a.image: no such image");
        assert_int_equal(channels_of(in_folder("b.image"), 55), 1);
        assert_int_equal(channels_of(in_folder("out.image"), 1), NPART);

        start_afresh(false); /* an image that was not made of these, although it has the planes */
        assert_ok(join(PCLEAN_CONCAT_PAGED, &err));
        assert_int_equal(rename(in_folder("a.image"), in_folder("x.other")), 0);
        const char *const names[] = {in_folder("x.other"), in_folder("none.other")};
        pclean_concat_options o;
        pclean_concat_options_init(&o, sizeof o);
        o.mode = m ? PCLEAN_CONCAT_PAGED : PCLEAN_CONCAT_MOVEVIRTUAL;
        o.delete_inputs = m == 1;
        assert_fails(pclean_concat_images(in_folder("out.image"), names, 2, &o, NULL, NULL, &err),
                     PCLEAN_EIO, "none.other: no such image");
        assert_int_equal(channels_of(in_folder("x.other"), 1), 1);
    }
}

static void failures_leave_all_as_it_was(void **state) {
    (void)state;
    /* the disk does not take the type of a table, which casacore does not notice: nobody could open
     * the image */
    start_afresh(true);
    *shared = (struct shared){.spoil = true};
    assert_fails(join(PCLEAN_CONCAT_PAGED, &err), PCLEAN_EDATA, "table.info is missing or damaged");
    shared->spoil = false;
    assert_true(is_old());
    assert_false(pcl_fs_exists(in_folder("out.image.concat.part")));
    for (size_t i = 0; i < NPART; i++)
        assert_int_equal(channels_of(in_folder(inputs[i]), (float)(i + 1)), 1);
    /* nor is such an image joined */
    assert_int_equal(unlink(in_folder("b.image/table.info")), 0);
    assert_fails(join(PCLEAN_CONCAT_PAGED, &err), PCLEAN_EDATA,
                 "b.image/table.info is missing or damaged");
    assert_true(is_old());
    start_afresh(true);
    assert_int_equal(truncate(in_folder("b.image/table.f0_TSM0"), 100), 0);
    assert_fails(join(PCLEAN_CONCAT_PAGED, &err), PCLEAN_EDATA,
                 "b.image/table.f0_TSM0 has 100 bytes where its tiles need 800: it is truncated");
    assert_true(is_old());
    start_afresh(true);
    assert_ok(pcl_fs_remove_tree(in_folder("b.image"), &err));
    assert_fails(join(PCLEAN_CONCAT_MOVEVIRTUAL, &err), PCLEAN_EIO, "b.image: no such image");
    assert_true(is_old());
    assert_int_equal(channels_of(in_folder("a.image"), 1), 1);
    assert_false(pcl_fs_exists(in_folder("out.image.lock")));
}

/* Damaged tables, lists, masks and histories: an error or a right result, never a crash, and the
 * other inputs stay. The seed is that of the round, which a failure names. */
static void fuzzed_input(void **state) {
    (void)state;
    static const char *const victims[] = {"b.image/table.dat",         "b.image/table.f0",
                                          "list/imageconcat.json",     "b.image/logtable/table.dat",
                                          "b.image/logtable/table.f0", "b.image/mask0/table.dat",
                                          "b.image/mask0/table.f0"};
    const char *const parts[] = {in_folder("a.image"), in_folder("b.image")};
    pclean_concat_options o;
    *shared = (struct shared){0};
    start_afresh(false);
    pclean_concat_options_init(&o, sizeof o);
    o.mode = PCLEAN_CONCAT_VIRTUAL;
    o.max_workers = 1; /* threads before a fork would hang the child */
    assert_ok(pclean_concat_images(in_folder("list"), parts, 2, &o, NULL, NULL, &err));
    o.mode = PCLEAN_CONCAT_PAGED;
    size_t nwrong = 0, nround = 0;
    for (unsigned round = 0; round < NROUND; round++, nround++) {
        const char *victim = in_folder(victims[round % 7]);
        size_t size;
        char *whole = read_file(victim, &size), *damaged = malloc(size);
        assert_non_null(damaged);
        memcpy(damaged, whole, size);
        srand(round);
        for (unsigned i = 0; i < 1 + round % 9; i++)
            damaged[(size_t)rand() % size] = (char)(rand() & 255);
        assert_ok(pcl_fs_write_text(victim, damaged, round % 10 == 0 ? (size_t)rand() % size : size,
                                    &err));
        const pid_t pid = fork();
        if (pid == 0) {
            const bool list = round % 7 == 2;
            const char *const names[] = {in_folder(list ? "list" : "a.image"),
                                         in_folder(list ? "c.image" : "b.image"),
                                         in_folder("c.image")};
            pclean_err e = {0};
            const int rc = pclean_concat_images(in_folder("out.image"), names, list ? 2 : 3, &o,
                                                NULL, NULL, &e);
            _exit(rc == 0 ? 0 : e.msg[0] ? 1 : 2);
        }
        int status;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (!WIFEXITED(status) || WEXITSTATUS(status) > 1)
            fail_msg("round %u (%s): wait status %d", round, victim, status);
        nwrong += WEXITSTATUS(status) == 1;
        assert_false(pcl_fs_exists(in_folder("out.image.concat.part")));
        assert_false(pcl_fs_exists(in_folder("out.image.lock")));
        assert_ok(pcl_fs_write_text(victim, whole, size, &err));
        free(whole);
        free(damaged);
    }
    for (size_t i = 0; i < NPART; i++)
        assert_int_equal(channels_of(in_folder(inputs[i]), (float)(i + 1)), 1);
    assert_in_range(nwrong, nround / 4, nround - 1); /* some damage does no harm, much does */
}

static int set_up(void **state) {
    (void)state;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return shared != MAP_FAILED && make_folder("concat", true) == 0 ? casa_init(&err) : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_at_every_stage),
        cmocka_unit_test(what_is_not_in_the_image_is_kept),
        cmocka_unit_test(failures_leave_all_as_it_was),
        cmocka_unit_test(fuzzed_input),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
