/* PSFs taken off an image: both ways against the plain sum in double. */
#include "core/clean/psfsub.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "base/mem.h"
#include "unit/check.h"

static pclean_err err;
static uint64_t seed = 20261129;

static double uniform(void) { /* xorshift64*, in [0, 1) */
    seed ^= seed >> 12;
    seed ^= seed << 25;
    seed ^= seed >> 27;
    return (double)((seed * 2685821657736338717u) >> 11) * 0x1p-53;
}

static size_t below(size_t n) {
    return (size_t)(uniform() * (double)n);
}

static void *array(size_t n, size_t size) {
    void *p = calloc(n, size);
    assert_non_null(p);
    return p;
}

enum { MOST = 40 };

typedef struct trial {
    pcl_box box;
    size_t n, npoint;
    float *psf, *image;
    pcl_point point[MOST];
} trial;

/* An image of any shape, a box anywhere in it, PSFs that do not fall towards their edges. */
static trial *begin(void) {
    trial *t = array(1, sizeof *t);
    pcl_box *b = &t->box;
    b->nx = 2 + below(60);
    b->ny = 2 + below(60);
    b->nbx = 1 + below(b->nx);
    b->nby = 1 + below(b->ny);
    b->x0 = below(b->nx - b->nbx + 1);
    b->y0 = below(b->ny - b->nby + 1);
    t->n = b->nx * b->ny;
    t->psf = array(t->n, sizeof(float));
    t->image = array(t->n, sizeof(float));
    for (size_t i = 0; i < t->n; i++) {
        t->psf[i] = (float)(2 * uniform() - 1);
        t->image[i] = (float)(2 * uniform() - 1);
    }
    t->npoint = 1 + below(MOST);
    for (size_t k = 0; k < t->npoint; k++)
        t->point[k] =
            (pcl_point){b->x0 + below(b->nbx), b->y0 + below(b->nby), (float)(2 * uniform() - 1)};
    return t;
}

static void end(trial *t) {
    free(t->psf);
    free(t->image);
    free(t);
}

static double plain(const trial *t, size_t x, size_t y) {
    const pcl_box *b = &t->box;
    double v = (double)t->image[y * b->nx + x];
    for (size_t k = 0; k < t->npoint; k++) {
        const pcl_point *c = &t->point[k];
        const size_t px = x + b->nx / 2, py = y + b->ny / 2;
        if (px >= c->x && px - c->x < b->nx && py >= c->y && py - c->y < b->ny)
            v -= (double)c->v * (double)t->psf[(py - c->y) * b->nx + px - c->x];
    }
    return v;
}

static void check(const trial *t, const float *got) {
    const pcl_box *b = &t->box;
    for (size_t y = 0; y < b->ny; y++)
        for (size_t x = 0; x < b->nx; x++) {
            const size_t i = y * b->nx + x;
            const bool inside =
                x >= b->x0 && x < b->x0 + b->nbx && y >= b->y0 && y < b->y0 + b->nby;
            if (!inside)
                assert_true(got[i] == t->image[i]);
            else if (fabs(plain(t, x, y) - (double)got[i]) > 1e-5)
                fail_msg("pixel (%zu, %zu): %.9g, not %.9g", x, y, (double)got[i], plain(t, x, y));
        }
}

static void both_ways_are_the_sum(void **state) {
    (void)state;
    for (int k = 0; k < 150; k++) {
        trial *t = begin();
        float *a = array(t->n, sizeof *a), *b = array(t->n, sizeof *b), *c = array(t->n, sizeof *c);
        pcl_psfsub s;
        pcl_psfsub_init(&s, &t->box, &(pcl_lent){NULL, 0});
        memcpy(a, t->image, t->n * sizeof *a);
        memcpy(b, t->image, t->n * sizeof *b);
        pcl_psfsub_directly(&s, t->psf, t->npoint, t->point, a);
        check(t, a);
        for (int again = 0; again < 2; again++) { /* with the PSF's transform kept */
            memcpy(b, t->image, t->n * sizeof *b);
            assert_ok(pcl_psfsub_by_fft(&s, t->psf, t->npoint, t->point, b, &err));
            check(t, b);
        }
        memcpy(c, t->image, t->n * sizeof *c);
        assert_ok(pcl_psfsub_subtract(&s, t->psf, t->npoint, t->point, c, &err));
        assert_true(memcmp(c, a, t->n * sizeof *a) == 0 || memcmp(c, b, t->n * sizeof *b) == 0);
        pcl_psfsub_clear(&s);
        end(t);
        free(a), free(b), free(c);
    }
}

/* Of two PSFs by turns each gets its own transform. */
static void another_psf(void **state) {
    (void)state;
    trial *t = begin();
    float *doubled = array(t->n, sizeof *doubled), *image = array(t->n, sizeof *image);
    pcl_psfsub s;
    for (size_t i = 0; i < t->n; i++)
        doubled[i] = 2 * t->psf[i];
    pcl_psfsub_init(&s, &t->box, &(pcl_lent){NULL, 0});
    for (int k = 0; k < 4; k++) {
        memcpy(image, t->image, t->n * sizeof *image);
        for (size_t i = 0; i < t->npoint; i++)
            t->point[i].v *= k % 2 ? 0.5f : 1;
        assert_ok(
            pcl_psfsub_by_fft(&s, k % 2 ? doubled : t->psf, t->npoint, t->point, image, &err));
        for (size_t i = 0; i < t->npoint; i++)
            t->point[i].v *= k % 2 ? 2 : 1;
        check(t, image);
    }
    pcl_psfsub_clear(&s);
    end(t);
    free(doubled), free(image);
}

static size_t bytes_now, bytes_most;
static struct {
    const void *at;
    size_t bytes;
} blocks[64];

static void hear(const void *block, size_t bytes, const char *what) {
    for (size_t i = 0; i < 64; i++)
        if (what ? !blocks[i].at : blocks[i].at == block) {
            bytes_now += bytes - blocks[i].bytes;
            blocks[i].at = what ? block : NULL;
            blocks[i].bytes = bytes;
            break;
        }
    bytes_most = bytes_now > bytes_most ? bytes_now : bytes_most;
}

/* The same bits for any number of threads and in lent memory; what is allocated is counted. */
static void threads_lent_memory_and_bytes(void **state) {
    (void)state;
    trial *t = begin();
    const size_t room = 64 * 1024;
    float *want = array(t->n, sizeof *want), *image = array(t->n, sizeof *image),
          *lent = array(room, sizeof *lent);
    const int before = omp_get_max_threads();
    for (int k = 0; k < 8; k++) {
        const pcl_lent spare = {lent + k % 5, k % 4 == 0 ? 0 : room - (size_t)k % 5};
        pcl_psfsub s;
        omp_set_num_threads(1 + k % 3);
        for (size_t i = 0; i < room; i++)
            lent[i] = NAN;
        memcpy(image, t->image, t->n * sizeof *image);
        bytes_now = bytes_most = 0;
        pcl_mem_listen(hear);
        pcl_psfsub_init(&s, &t->box, &spare);
        assert_ok(pcl_psfsub_by_fft(&s, t->psf, t->npoint, t->point, image, &err));
        pcl_psfsub_clear(&s);
        pcl_mem_listen(NULL);
        assert_int_equal(bytes_now, 0);
        assert_int_equal(bytes_most,
                         pcl_psfsub_bytes(&t->box, SIZE_MAX, &spare, 1 + (size_t)k % 3));
        assert_int_equal(pcl_psfsub_bytes(&t->box, 1, &spare, 1), 0);
        if (k == 0)
            memcpy(want, image, t->n * sizeof *want);
        assert_memory_equal(want, image, t->n * sizeof *want);
        pcl_psfsub_directly(&s, t->psf, 0, t->point, image);
    }
    omp_set_num_threads(before);
    end(t);
    free(want), free(image), free(lent);
}

static void no_memory(void **state) {
    (void)state;
    trial *t = begin();
    for (long k = 1; k <= 3; k++) {
        pcl_psfsub s;
        pcl_psfsub_init(&s, &t->box, &(pcl_lent){NULL, 0});
        pcl_mem_fail_after(k);
        assert_int_equal(pcl_psfsub_by_fft(&s, t->psf, 1, t->point, t->image, &err),
                         -PCLEAN_ENOMEM);
        pcl_mem_fail_after(0);
        pcl_psfsub_clear(&s);
    }
    end(t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_ways_are_the_sum), cmocka_unit_test(another_psf),
        cmocka_unit_test(threads_lent_memory_and_bytes), cmocka_unit_test(no_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
