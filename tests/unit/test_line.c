/* line/line.c: the process for casacore lives as long as it is needed, its death is an error or
 * goes unnoticed, and forked children have nothing of it. */
#include "base/fds.h"
#include "base/fsutil.h"
#include "casa/casa.h"
#include "casa/join.h"
#include "folder.h"
#include "line/line.h"
#include "unit/check.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static pclean_err err;
static const char *const set = PCLEAN_TEST_DATA "/vla_3c273_xband.ms";

static int set_up(void **state) {
    (void)state;
    return make_folder("line", false);
}

static int tear_down(void **state) {
    (void)state;
    unsetenv("PCLEAN_CASA_DIES");
    casa_end();
    return 0;
}

/* Sum of all visibilities, by blocks of 100 rows. */
static int sum_of(const char *path, double *sum) {
    const casa_ms_selection all = {.datacolumn = "data"};
    casa_ms *ms = NULL;
    *sum = 0;
    int rc = casa_ms_open(path, &all, &ms, &err);
    if (rc)
        return rc;
    const casa_ms_info *info = casa_ms_get_info(ms);
    casa_ms_rows rows[8];
    assert_true(info->ndd <= 8);
    for (size_t at = 0; !rc && at < info->nrow; at += 100) {
        rc = casa_ms_read(ms, at, at + 100 < info->nrow ? 100 : info->nrow - at, rows, &err);
        for (size_t d = 0; !rc && d < info->ndd; d++)
            for (size_t i = 0; i < 2 * rows[d].nrow * info->dd[d].nchansel * info->dd[d].ncorr; i++)
                *sum += (double)(i % 7 + 1) * rows[d].vis[i];
    }
    casa_ms_close(ms);
    return rc;
}

/* Wherever the process dies once, another one goes on and the numbers are the same. */
static void a_reader_does_not_notice_a_death(void **state) {
    (void)state;
    double sum, again;
    assert_ok(sum_of(set, &sum));
    assert_true(sum != 0);
    for (int n = 1; n <= 14; n++) {
        char text[1300];
        snprintf(text, sizeof text, "%d:%s", n, in_folder("died"));
        (void)unlink(in_folder("died"));
        casa_end();
        setenv("PCLEAN_CASA_DIES", text, 1);
        assert_ok(sum_of(set, &again));
        assert_true(sum == again);
        assert_true(pcl_fs_exists(in_folder("died")) || n > 5);
        unsetenv("PCLEAN_CASA_DIES");
    }
}

static void a_second_death_is_an_error_that_says_what_was_read(void **state) {
    (void)state;
    double sum;
    setenv("PCLEAN_CASA_DIES", "1", 1);
    assert_int_equal(sum_of(set, &sum), -PCLEAN_EDATA);
    assert_non_null(strstr(err.msg, "vla_3c273_xband.ms: casacore breaks down over it (it was "
                                    "killed by SIGSEGV while opening it): its tables are damaged"));
    unsetenv("PCLEAN_CASA_DIES");
    assert_ok(sum_of(set, &sum));
}

static casa_image_desc small_image(void) {
    return (casa_image_desc){.nx = 20,
                             .ny = 10,
                             .npol = 1,
                             .nchan = 1,
                             .stokes = {1},
                             .centre = {0, 1, 0.5},
                             .increment_x_rad = -1e-5,
                             .increment_y_rad = 1e-5,
                             .projection = "SIN",
                             .freq_frame = 1,
                             .crval_hz = 1e9,
                             .cdelt_hz = 1e6,
                             .time_ref = "UTC",
                             .position_itrf_m = {1e6, 2e6, 6e6}};
}

static void an_image_is_made_again_or_leaves_nothing(void **state) {
    (void)state;
    const casa_image_desc d = small_image();
    casa_image_layout layout;
    char text[1300];
    snprintf(text, sizeof text, "1:%s", in_folder("died_making"));
    setenv("PCLEAN_CASA_DIES", text, 1);
    assert_ok(casa_image_create(in_folder("made.image"), &d, NULL, &layout, &err));
    assert_true(pcl_fs_exists(layout.pixel_file));
    casa_end();
    setenv("PCLEAN_CASA_DIES", "1", 1);
    assert_int_equal(casa_image_create(in_folder("not_made.image"), &d, NULL, &layout, &err),
                     -PCLEAN_EIO);
    assert_non_null(strstr(err.msg, "not_made.image: casacore was killed by SIGSEGV"));
    assert_false(pcl_fs_exists(in_folder("not_made.image")));
    /* what was there before is not touched */
    assert_int_equal(casa_image_create(in_folder("made.image"), &d, NULL, &layout, &err),
                     -PCLEAN_EIO);
    assert_true(pcl_fs_exists(in_folder("made.image")));
}

static void a_header_is_finished_again_or_the_image_stays(void **state) {
    (void)state;
    const casa_image_desc d = small_image();
    const casa_beam beam = {3e-5, 2e-5, 0.1};
    const char *const line[] = {"a line of history"};
    const char *path = in_folder("finished.image");
    casa_image_layout layout;
    casa_image *im = NULL;
    casa_beam found;
    bool has = false;
    float pixels[200], back[200];
    char text[1300];
    for (int i = 0; i < 200; i++)
        pixels[i] = (float)i;
    assert_ok(casa_image_create(path, &d, NULL, &layout, &err));
    assert_ok(pcl_fs_write_text(layout.pixel_file, (const char *)pixels, sizeof pixels, &err));
    casa_end();
    setenv("PCLEAN_CASA_DIES", "1", 1);
    assert_int_equal(casa_image_finish(path, &beam, 1, line, 1, &err), -PCLEAN_EIO);
    assert_non_null(strstr(err.msg, "finished.image: casacore was killed by SIGSEGV"));
    assert_false(pcl_fs_exists(in_folder("finished.image.header")));
    assert_true(pcl_fs_exists(layout.pixel_file));
    snprintf(text, sizeof text, "1:%s", in_folder("died_finishing"));
    setenv("PCLEAN_CASA_DIES", text, 1);
    assert_ok(casa_image_finish(path, &beam, 1, line, 1, &err));
    assert_false(pcl_fs_exists(in_folder("finished.image.header")));
    assert_ok(casa_image_open(path, &im, &err));
    assert_ok(casa_image_get_beam(im, 0, 0, &found, &has, &err));
    assert_true(has && fabs(found.major_rad - beam.major_rad) < 1e-12);
    assert_ok(casa_image_read_plane(im, 0, 0, back, NULL, &err));
    assert_memory_equal(back, pixels, sizeof back);
    casa_image_close(im);
}

/* The only child of this process. */
static pid_t the_process(void) {
    char path[80];
    int pid = 0;
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    FILE *f = fopen(path, "r");
    if (f) {
        if (fscanf(f, "%d", &pid) != 1)
            pid = 0;
        fclose(f);
    }
    return pid;
}

/* It is no more, or nobody has asked yet how it ended. */
static bool has_ended(pid_t pid) {
    char path[80], state = 'Z';
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (f) {
        if (fscanf(f, "%*d %*s %c", &state) != 1)
            state = 'Z';
        fclose(f);
    }
    return state == 'Z';
}

/* The process ends with the caller, whatever children the caller has left behind. */
static void nothing_is_left_when_the_caller_dies(void **state) {
    (void)state;
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    const pid_t caller = fork();
    assert_true(caller >= 0);
    if (caller == 0) {
        casa_ms *ms = NULL;
        const casa_ms_selection all = {.datacolumn = "data"};
        if (casa_ms_open(set, &all, &ms, &err) != 0)
            _exit(1);
        pid_t pid[2] = {0, the_process()};
        pid[0] = fork(); /* as a worker: it outlives its parent for a while */
        if (pid[0] == 0) {
            pcl_fds_close();
            pause();
        }
        if (write(ends[1], pid, sizeof pid) != sizeof pid)
            _exit(1);
        raise(SIGKILL);
    }
    pid_t pid[2];
    bool gone = false;
    close(ends[1]);
    assert_int_equal(read(ends[0], pid, sizeof pid), sizeof pid);
    close(ends[0]);
    assert_int_equal(waitpid(caller, NULL, 0), caller);
    assert_true(pid[1] > 0);
    for (int i = 0; i < 200 && !gone; i++) {
        gone = has_ended(pid[1]);
        usleep(20000);
    }
    assert_false(has_ended(pid[0]));
    kill(pid[0], SIGKILL);
    assert_true(gone);
}

static int stop_now(void *user) {
    return *(const int *)user;
}

/* A set that casacore waits for: a pipe is found; behind a link to a folder it is not, and the wait
 * ends when that is asked for. */
static void a_wait_can_be_ended(void **state) {
    (void)state;
    char command[5000];
    double sum;
    int wish = 0;
    snprintf(command, sizeof command,
             "cd %s && cp -r %s w.ms && chmod -R u+w w.ms && rm w.ms/FIELD/table.f0 && "
             "mkfifo w.ms/FIELD/table.f0",
             in_folder("."), set);
    assert_int_equal(system(command), 0);
    char waiting[1200];
    snprintf(waiting, sizeof waiting, "%s", in_folder("w.ms"));
    casa_stop_when(stop_now, &wish);
    assert_fails(sum_of(waiting, &sum), PCLEAN_EDATA, "w.ms/FIELD/table.f0, which is a FIFO");
    snprintf(command, sizeof command, "cd %s && mv w.ms/FIELD f && ln -s $PWD/f w.ms/FIELD",
             in_folder("."));
    assert_int_equal(system(command), 0);
    wish = 1;
    assert_fails(sum_of(waiting, &sum), PCLEAN_EINTERRUPTED, "interrupted while opening");
    assert_fails(sum_of(set, &sum), PCLEAN_EINTERRUPTED, "interrupted while opening");
    casa_end(); /* and is not asked for any more */
    assert_ok(sum_of(set, &sum));
}

static void it_says_who_it_is(void **state) {
    (void)state;
    casa_end();
    assert_ok(casa_init(&err));
    assert_string_not_equal(pcl_line_fact(PCL_LINE_CASACORE), "");
    assert_non_null(strstr(pcl_line_fact(PCL_LINE_LIBRARY), "casa_tables"));
}

static void it_says_what_it_uses(void **state) {
    (void)state;
    casa_usage none, first, second, later;
    char text[1300];
    double sum;
    casa_end();
    casa_get_usage(&none);
    assert_true(none.read_bytes == 0 && none.peak_bytes == 0 && !(none.cpu_seconds > 0));
    assert_ok(sum_of(set, &sum));
    casa_get_usage(&first);
    assert_true(first.cpu_seconds > 0 && first.cpu_seconds < 100);
    assert_in_range(first.read_bytes, 1000000, 100000000); /* the MS has two millions */
    assert_in_range(first.peak_bytes, 1 << 20, 1 << 30);
    assert_true(first.address_bytes > first.data_bytes && first.data_bytes > 1 << 20);
    casa_restart_peak(); /* what was open is closed */
    casa_get_usage(&later);
    assert_true(later.peak_bytes > 0 && later.peak_bytes <= first.peak_bytes);
    /* that of a process that dies counts */
    snprintf(text, sizeof text, "PCL_CALL_MS_READ:%s", in_folder("died_using"));
    casa_end();
    setenv("PCLEAN_CASA_DIES", text, 1);
    assert_ok(sum_of(set, &sum));
    casa_get_usage(&second);
    assert_true(pcl_fs_exists(in_folder("died_using")));
    assert_true(second.read_bytes > first.read_bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(a_reader_does_not_notice_a_death, tear_down),
        cmocka_unit_test_teardown(a_second_death_is_an_error_that_says_what_was_read, tear_down),
        cmocka_unit_test_teardown(an_image_is_made_again_or_leaves_nothing, tear_down),
        cmocka_unit_test_teardown(a_header_is_finished_again_or_the_image_stays, tear_down),
        cmocka_unit_test_teardown(nothing_is_left_when_the_caller_dies, tear_down),
        cmocka_unit_test_teardown(a_wait_can_be_ended, tear_down),
        cmocka_unit_test_teardown(it_says_who_it_is, tear_down),
        cmocka_unit_test_teardown(it_says_what_it_uses, tear_down),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
