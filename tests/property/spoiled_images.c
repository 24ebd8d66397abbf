/* Images to be joined that are spoiled: what breaks casacore, keeps it waiting or goes round in
 * circles is an error. src/line is compiled into this test with a limit of one second. */
#include "base/fsutil.h"
#include "casa/casa.h"
#include "folder.h"
#include "image/virtual.h"
#include "join/series.h"
#include "unit/check.h"
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static pclean_err err;

static int set_up(void **state) {
    (void)state;
    return make_folder("parts", false) == 0 ? casa_init(&err) : -1;
}

static void make_image(const char *path, size_t ichan) {
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
    static const float pixels[200];
    assert_ok(casa_image_create(path, &d, NULL, &layout, &err));
    assert_ok(pcl_fs_write_text(layout.pixel_file, (const char *)pixels, sizeof pixels, &err));
}

static void make_list(const char *path, size_t n, char **names) {
    const pcl_virtual v = {.type = "float", .axis = 3, .n = n, .image = names};
    assert_int_equal(mkdir(path, 0777), 0);
    assert_ok(pcl_virtual_write(path, &v, &err));
}

static void no_child_is_left(void) {
    casa_end();
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* A pipe that nobody writes to is found; behind a link to a folder it is a disk that does not
 * answer. */
static void an_image_that_cannot_be_read_in_time(void **state) {
    (void)state;
    char name[3][1200]; /* in_folder has room for a few */
    snprintf(name[0], sizeof name[0], "%s", in_folder("a.image"));
    snprintf(name[1], sizeof name[1], "%s", in_folder("b.image"));
    snprintf(name[2], sizeof name[2], "%s", in_folder("waiting"));
    const char *const names[] = {name[0], name[1]}, *const waiting[] = {name[0], name[2]};
    pcl_series parts;
    make_image(names[0], 0);
    make_image(waiting[1], 1);
    assert_int_equal(rename(in_folder("waiting/logtable"), in_folder("log")), 0);
    assert_int_equal(unlink(in_folder("log/table.info")), 0);
    assert_int_equal(mkfifo(in_folder("log/table.info"), 0666), 0);
    assert_int_equal(symlink(in_folder("log"), in_folder("waiting/logtable")), 0);
    assert_fails(pcl_series_load(waiting, 2, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EIO,
                 "/waiting: its header could not be read in 1 s; does its disk answer?");
    no_child_is_left();
    assert_int_equal(unlink(in_folder("waiting/logtable")), 0);
    assert_int_equal(rename(in_folder("log"), in_folder("waiting/logtable")), 0);
    assert_fails(pcl_series_load(waiting, 2, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EDATA, "/waiting/logtable/table.info, which is a FIFO or a device");
    no_child_is_left();
    make_image(names[1], 1);
    assert_ok(pcl_series_load(names, 2, &(pcl_series_options){.axis = -1}, &parts, &err));
    assert_int_equal(parts.total, 2);

    pcl_series_clear(&parts);
    no_child_is_left();
}

#ifdef __SANITIZE_ADDRESS__ /* where a fork takes ten times as long */
enum { NROUND = 60 };
#else
enum { NROUND = 300 };
#endif

/* A process with handlers of its own must not find them called in the child. Table.dat of this kind
 * ends the process in casacore 3.5; should another version have an error for it, that is as
 * good. */
static volatile int *called; /* shared with children */

static void handler(int number) {
    *called = number;
    _exit(0);
}

static void an_image_that_breaks_casacore(void **state) {
    (void)state;
    const char *const names[] = {in_folder("a.image"), in_folder("c.image")};
    char file[1200];
    pcl_series parts;
    const int deadly[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE};
    void (*old[4])(int);
    called = mmap(NULL, sizeof *called, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(called != MAP_FAILED);
    make_image(names[1], 1);
    snprintf(file, sizeof file, "%s/table.dat", names[1]);
    FILE *f = fopen(file, "rb");
    char whole[8192];
    const size_t size = fread(whole, 1, sizeof whole, f);
    fclose(f);
    size_t nbroken = 0;
    for (size_t i = 0; i < 4; i++)
        old[i] = signal(deadly[i], handler);
    for (unsigned round = 0; round < NROUND; round++) {
        char damaged[8192];
        memcpy(damaged, whole, size);
        srand(round);
        for (int i = 0; i < 3; i++)
            damaged[(size_t)rand() % size] = (char)(rand() & 255);
        assert_ok(pcl_fs_write_text(file, damaged, size, &err));
        err = (pclean_err){0};
        const int rc = pcl_series_load(
            names, 2, &(pcl_series_options){.axis = -1, .relax = true, .reorder = true}, &parts,
            &err);
        assert_int_equal(rc, -err.code);
        assert_true(rc == 0 || strstr(err.msg, "image"));
        nbroken += strstr(err.msg, "casacore breaks down over it") != NULL;
        if (!rc)
            pcl_series_clear(&parts);
    }
    for (size_t i = 0; i < 4; i++)
        signal(deadly[i], old[i]);
    assert_int_equal(*called, 0);
    print_message("%zu of %d damaged tables break casacore\n", nbroken, NROUND);
    no_child_is_left();
}

static void lists_that_go_round_in_circles(void **state) {
    (void)state;
    const char *name = in_folder("round");
    pcl_series parts;
    char *itself[] = {"./round"}, *other[] = {"./one", "./two"}, *back[] = {"./two", "./one"},
         *gone[] = {"./a.image", "./absent.image"}, *fine[] = {"./a.image", "./plain"};
    make_list(in_folder("round"), 1, itself);
    assert_fails(pcl_series_load(&name, 1, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EDATA, "does one list itself?");
    make_list(in_folder("one"), 2, other);
    make_list(in_folder("two"), 2, back);
    name = in_folder("one");
    assert_fails(pcl_series_load(&name, 1, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EDATA, "does one list itself?");
    make_list(in_folder("gone"), 2, gone);
    name = in_folder("gone");
    assert_fails(pcl_series_load(&name, 1, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EIO, "absent.image: no such image");
    assert_non_null(strstr(err.msg, "gone lists it"));
    /* few lists that stand for 10^10 images */
    char *ten[10], level[8][1200];
    for (int i = 0; i < 8; i++) {
        for (size_t k = 0; k < 10; k++)
            ten[k] = i ? level[i - 1] : (char *)"./a.image";
        snprintf(level[i], sizeof level[i], "%s%d", in_folder("bomb"), i);
        make_list(level[i], 10, ten);
    }
    name = level[7];
    assert_fails(pcl_series_load(&name, 1, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EDATA, "a.image is listed twice");
    char *one[] = {"./b.image"};
    make_list(in_folder("plain"), 1, one);
    make_list(in_folder("fine"), 2, fine);
    name = in_folder("fine");
    assert_ok(pcl_series_load(&name, 1, &(pcl_series_options){.axis = -1}, &parts, &err));
    assert_int_equal(parts.n, 2);
    assert_true(parts.nested);
    pcl_series_clear(&parts);
    assert_fails(pcl_series_load(&name, 1, &(pcl_series_options){.axis = 0}, &parts, &err),
                 PCLEAN_EUNSUPPORTED, "joined along axis 3, not 0");
    assert_fails(pcl_series_load(&name, 0, &(pcl_series_options){.axis = -1}, &parts, &err),
                 PCLEAN_EPARAM, "no images");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_image_that_cannot_be_read_in_time),
        cmocka_unit_test(an_image_that_breaks_casacore),
        cmocka_unit_test(lists_that_go_round_in_circles),
    };
    return cmocka_run_group_tests(tests, set_up, remove_folder);
}
