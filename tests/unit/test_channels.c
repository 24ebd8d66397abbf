#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "data/channels.h"

/* A window of 32 channels of 1 MHz from 1000 MHz, ascending or descending. The grid rules
 * themselves are held against real tclean in tests/property/golden_channels.c. */
enum { N = 32 };
static double freq[N], width[N];
static int all[N];
static const pcl_row_channels row = {.n = N, .freq_hz = freq, .spacing_hz = 1e6};
static pcl_band band(int direction, double doppler) {
    for (int i = 0; i < N; i++) {
        freq[i] = 1000e6 + 1e6 * (direction > 0 ? i : N - 1 - i);
        width[i] = 1e6;
        all[i] = i;
    }
    return (pcl_band){
        .nchan = N, .freq_hz = freq, .width_hz = width, .nsel = N, .sel = all, .doppler = doppler};
}

static pcl_channels resolve(const pcl_band *b, const char *start, const char *w, int nchan) {
    pcl_channels c;
    pclean_err err = {0};
    const pcl_channel_request r = {.nchan = nchan,
                                   .start = start,
                                   .width = w,
                                   .restfreq_hz = 1010e6,
                                   .doppler_min = 1,
                                   .doppler_max = 1};
    if (pcl_channels_resolve(&r, 1, b, &c, &err))
        fail_msg("start=%s width=%s: %s", start, w, err.msg);
    return c;
}

static void a_start_outside_the_data_is_an_error(void **state) {
    (void)state;
    const pcl_band b = band(1, 1);
    const struct {
        const char *start, *width;
        int code;
    } bad[] = {{"32", "", -PCLEAN_EPARAM},       {"-1", "", -PCLEAN_EPARAM},
               {"990MHz", "", -PCLEAN_EPARAM},   {"1040MHz", "2MHz", -PCLEAN_EPARAM},
               {"5000km/s", "", -PCLEAN_EPARAM}, {"1010MHz", "0.5MHz", -PCLEAN_EPARAM},
               {"5", "0", -PCLEAN_EPARAM},       {"5arcsec", "", -PCLEAN_EPARAM},
               {"five", "", -PCLEAN_EPARAM},     {"", "100MHz", -PCLEAN_EPARAM},
               {"1.5", "", -PCLEAN_EPARAM}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pcl_channels c;
        pclean_err err = {0};
        const pcl_channel_request r = {
            .nchan = -1, .start = bad[i].start, .width = bad[i].width, .restfreq_hz = 1010e6};
        if (pcl_channels_resolve(&r, 1, &b, &c, &err) != bad[i].code)
            fail_msg("start=%s width=%s was accepted or failed otherwise: %s", bad[i].start,
                     bad[i].width, err.msg);
        assert_true(strlen(err.msg) > 20);
    }
}

/* Every data channel inside the cube feeds exactly one image channel: no gap, no overlap. */
static void nearest_is_a_partition_of_the_data(void **state) {
    (void)state;
    const char *widths[] = {"", "2", "3", "1.7MHz", "-2", "-1.3MHz"};
    for (int direction = -1; direction <= 1; direction += 2)
        for (size_t k = 0; k < sizeof widths / sizeof *widths; k++) {
            const pcl_band b = band(direction, 1);
            pcl_channels c = resolve(&b, strchr(widths[k], '-') ? "20" : "4", widths[k], 5);
            c.nearest = true;
            for (double doppler = 1; doppler < 1.0006; doppler += 1e-4) {
                int hits[N] = {0};
                pcl_channel_sample s[64];
                for (size_t i = 0; i < c.nchan; i++) {
                    const size_t n = pcl_channels_samples(&c, i, &row, doppler, s);
                    assert_true(n <= pcl_channels_max_samples(&c, &row));
                    for (size_t j = 0; j < n; j++) {
                        hits[s[j].lo]++;
                        const double centre = c.first_hz + (double)i * c.step_hz;
                        assert_true(fabs(freq[s[j].lo] * doppler - centre) <=
                                    0.5001 * fabs(c.step_hz));
                    }
                }
                const double end = c.first_hz + ((double)c.nchan - 1) * c.step_hz;
                const double low = fmin(c.first_hz, end) - 0.499 * fabs(c.step_hz),
                             high = fmax(c.first_hz, end) + 0.499 * fabs(c.step_hz);
                for (int i = 0; i < N; i++) {
                    assert_true(hits[i] <= 1);
                    if (freq[i] * doppler > low && freq[i] * doppler < high)
                        assert_int_equal(hits[i], 1);
                }
            }
        }
}

/* Linear interpolation reproduces a straight line, never extrapolates, and takes floor(width)
 * points. */
static void linear_interpolation_is_exact_for_a_line(void **state) {
    (void)state;
    for (int direction = -1; direction <= 1; direction += 2)
        for (int w = 1; w <= 3; w++) {
            const pcl_band b = band(direction, 1);
            char text[8] = {(char)('0' + w), 0};
            const pcl_channels c = resolve(&b, "3", text, 4);
            const double doppler = 1.0003;
            for (size_t i = 0; i < c.nchan; i++) {
                pcl_channel_sample s[8];
                const size_t n = pcl_channels_samples(&c, i, &row, doppler, s);
                assert_int_equal(n, w);
                double mean = 0;
                for (size_t j = 0; j < n; j++) {
                    const double f =
                        freq[s[j].lo] + (double)s[j].alpha * (freq[s[j].hi] - freq[s[j].lo]);
                    assert_true(fabs(f * doppler - s[j].freq_hz) < 100);
                    assert_true(fabs(freq[s[j].near] * doppler - s[j].freq_hz) <= 0.5001e6);
                    mean += s[j].freq_hz / (double)n;
                }
                assert_true(fabs(mean - (c.first_hz + (double)i * c.step_hz)) < 1);
            }
        }
    const pcl_band b = band(1, 1);
    const pcl_channels c = resolve(&b, "0", "", 3);
    pcl_channel_sample s[8];
    /* the row begins above channel 0 */
    assert_int_equal(pcl_channels_samples(&c, 0, &row, 1.0003, s), 0);
    /* equal frequencies: that channel alone */
    assert_int_equal(pcl_channels_samples(&c, 0, &row, 1, s), 1);
    assert_int_equal(s[0].lo, s[0].hi);
}

static void needed_channels_hold_all_that_is_used(void **state) {
    (void)state;
    for (int direction = -1; direction <= 1; direction += 2)
        for (int nearest = 0; nearest <= 1; nearest++) {
            const pcl_band b = band(direction, 1);
            pcl_channels c = resolve(&b, "10", "2", 3);
            c.nearest = nearest;
            const double dmin = 0.999, dmax = 1.001;
            size_t from, to;
            pcl_channels_needed(&c, N, freq, dmin, dmax, &from, &to);
            assert_true(to - from < N);
            for (double d = dmin; d <= dmax; d += 1e-4)
                for (size_t i = 0; i < c.nchan; i++) {
                    pcl_channel_sample s[16];
                    const size_t n = pcl_channels_samples(&c, i, &row, d, s);
                    for (size_t j = 0; j < n; j++)
                        assert_true(s[j].lo >= (int)from && s[j].hi < (int)to &&
                                    s[j].lo < (int)to && s[j].hi >= (int)from);
                }
        }
}

static void one_channel_is_never_interpolated(void **state) {
    (void)state;
    const pcl_band b = band(1, 1);
    assert_true(resolve(&b, "3", "", 1).nearest);
    assert_false(resolve(&b, "3", "", 2).nearest);
}

/* A part's channel has the samples that it has in the whole, to the last bit, though its row shows
 * other data channels. */
static void a_part_is_sampled_as_the_whole(void **state) {
    (void)state;
    static const struct {
        const char *start, *width;
        int nchan;
        bool nearest;
    } cubes[] = {{"3", "", 20, false},
                 {"3", "2", 10, false},
                 {"1004.3MHz", "2.7MHz", 9, false},
                 {"25", "-1", 20, false},
                 {"1003.2MHz", "1.2MHz", 20, true}};
    for (int direction = -1; direction <= 1; direction += 2)
        for (size_t k = 0; k < sizeof cubes / sizeof *cubes; k++) {
            const pcl_band b = band(direction, 1);
            pcl_channels whole = resolve(&b, cubes[k].start, cubes[k].width, cubes[k].nchan),
                         part = whole;
            whole.nearest = part.nearest = cubes[k].nearest;
            for (part.offset = 0; part.offset < whole.nchan; part.offset++) {
                size_t from, to;
                part.nchan = 1;
                pcl_channels_needed(&part, N, freq, 0.9999, 1.0001, &from, &to);
                const pcl_row_channels cut = {
                    .n = to - from, .freq_hz = freq + from, .spacing_hz = row.spacing_hz};
                pcl_channel_sample s[16], t[16];
                const size_t n = pcl_channels_samples(&whole, part.offset, &row, 1.00004, s),
                             m = pcl_channels_samples(&part, 0, &cut, 1.00004, t);
                assert_int_equal(n, m);
                for (size_t i = 0; i < n; i++) {
                    assert_int_equal(s[i].lo, t[i].lo + (int)from);
                    assert_int_equal(s[i].hi, t[i].hi + (int)from);
                    assert_int_equal(s[i].near, t[i].near + (int)from);
                    assert_true(s[i].alpha == t[i].alpha && s[i].freq_hz == t[i].freq_hz);
                }
            }
        }
}

static void a_window_elsewhere_is_not_needed(void **state) {
    (void)state;
    const pcl_band b = band(1, 1);
    pcl_channels c = resolve(&b, "3", "", 5);
    const double far[] = {900e6, 901e6, 902e6}, one = 1003e6, beside = 1010e6;
    size_t from, to;
    pcl_channels_needed(&c, 3, far, 0.9999, 1.0001, &from, &to);
    assert_int_equal(from, to);
    pcl_channels_needed(&c, 1, &one, 0.9999, 1.0001, &from, &to);
    assert_int_equal(to - from, 1);
    pcl_channels_needed(&c, 1, &beside, 0.9999, 1.0001, &from, &to);
    assert_int_equal(from, to);
}

/* Channels closer than the first two, and two of one frequency: none is left out, and the room that
 * was asked for suffices. */
static void unequal_steps_leave_nothing_out(void **state) {
    (void)state;
    static const double f[] = {1000e6,   1003e6, 1004e6,   1005e6, 1005e6,
                               1005.5e6, 1006e6, 1006.5e6, 1007e6, 1012e6};
    enum { M = sizeof f / sizeof *f };
    const pcl_row_channels uneven = {.n = M, .freq_hz = f, .spacing_hz = 0.5e6};
    for (int nearest = 0; nearest <= 1; nearest++)
        for (double step = 1e6; step <= 13e6; step += 1e6) {
            const pcl_channels c = {
                .nchan = 13, .whole = 13, .first_hz = 1000e6, .step_hz = step, .nearest = nearest};
            const size_t room = pcl_channels_max_samples(&c, &uneven);
            int used[M] = {0};
            for (size_t i = 0; i < c.nchan; i++) {
                pcl_channel_sample s[64];
                assert_true(room <= 64);
                const size_t n = pcl_channels_samples(&c, i, &uneven, 1, s);
                assert_true(n <= room);
                for (size_t k = 0; k < n; k++)
                    used[s[k].near]++;
            }
            for (size_t k = 0; nearest && k < M; k++)
                assert_int_equal(used[k], 1);
        }
}

/* Channels 3 and 4 and 29 and 30 of a row are all there is: the points between are interpolated
 * from 4 and 29. */
static void a_gap_has_room_for_its_points(void **state) {
    (void)state;
    static const double f[] = {1003e6, 1004e6, 1029e6, 1030e6};
    const pcl_row_channels gap = {.n = 4, .freq_hz = f, .spacing_hz = 1e6};
    const pcl_channels c = {.nchan = 2, .whole = 2, .first_hz = 1016.5e6, .step_hz = 30e6};
    pcl_channel_sample s[64];
    const size_t n = pcl_channels_samples(&c, 0, &gap, 1, s);
    assert_int_equal(n, 28);
    assert_true(n <= pcl_channels_max_samples(&c, &gap));
}

/* A window that was sorted: `start` counts as the MS does. */
static void start_is_a_number_of_the_ms(void **state) {
    (void)state;
    static int number[N];
    pcl_band b = band(1, 1);
    for (int i = 0; i < N; i++)
        number[i] = (7 * i + 3) % N;
    b.number = number;
    for (int i = 0; i < N; i++) {
        char start[8];
        snprintf(start, sizeof start, "%d", number[i]);
        assert_true(resolve(&b, start, "", 1).first_hz == freq[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_start_outside_the_data_is_an_error),
        cmocka_unit_test(nearest_is_a_partition_of_the_data),
        cmocka_unit_test(linear_interpolation_is_exact_for_a_line),
        cmocka_unit_test(needed_channels_hold_all_that_is_used),
        cmocka_unit_test(one_channel_is_never_interpolated),
        cmocka_unit_test(a_part_is_sampled_as_the_whole),
        cmocka_unit_test(a_window_elsewhere_is_not_needed),
        cmocka_unit_test(unequal_steps_leave_nothing_out),
        cmocka_unit_test(a_gap_has_room_for_its_points),
        cmocka_unit_test(start_is_a_number_of_the_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
