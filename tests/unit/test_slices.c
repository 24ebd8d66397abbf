/* imager/slices.c: the number of slices follows from data and image, a sum has the bits of its tree
 * whoever makes it, and an image that several processes share is the image that one makes. */
#include "imager/slices.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "imager.h"
#include "imager/weighing.h"
#include "random.h"

static pclean_err err;

/* ---- how many ---- */

static void data_and_image_say_how_many(void **state) {
    (void)state;
    const pcl_slicing *usual = &pcl_slicing_usual;
    const double most = 0x1p28;
    assert_int_equal(pcl_slices_count(usual, 0, 100), 1);
    assert_int_equal(pcl_slices_count(usual, 2 * most - 1, 100), 1);
    assert_int_equal(pcl_slices_count(usual, 2 * most, 100), 2);
    assert_int_equal(pcl_slices_count(usual, 7 * most, 100), 4);
    assert_int_equal(pcl_slices_count(usual, 1e15, 100), PCL_SLICES_MOST);
    const size_t large = (size_t)1 << 28;
    assert_int_equal(pcl_slices_count(usual, 7 * most, large), 1);
    assert_int_equal(pcl_slices_count(usual, 2 * 64 * (double)large, large), 2);
    for (double n = 1; n < 1e13; n *= 3) {
        const size_t k = pcl_slices_count(usual, n, 1000000);
        assert_true(k == 1 || n / (double)k >= most);
    }
}

/* ---- sums ---- */

enum { N = 37, M = 3 };
typedef struct leaf {
    float a[N], b[M];
    pcl_sum_numbers numbers;
} leaf;

static void make_leaves(size_t n, leaf *out) {
    random_state = 88172645463325252u;
    for (size_t k = 0; k < n; k++) {
        out[k] =
            (leaf){.numbers = {.count = {.used = k, .outside = 2 * k, .sumwt = random_uniform()},
                               .umax_lambda = random_uniform(),
                               .vmax_lambda = random_uniform(),
                               .reach = {(k * 7) % 11, 0}}};
        for (size_t i = 0; i < N; i++)
            out[k].a[i] = (float)(random_uniform() - 0.5);
        for (size_t i = 0; i < M; i++)
            out[k].b[i] = (float)exp(20 * random_uniform());
    }
}

/* The definition. */
static leaf tree(const leaf *leaves, size_t n) {
    if (n == 1)
        return leaves[0];
    leaf low = tree(leaves, n / 2), high = tree(leaves + n / 2, n / 2);
    for (size_t i = 0; i < N; i++)
        low.a[i] += high.a[i];
    for (size_t i = 0; i < M; i++)
        low.b[i] += high.b[i];
    pcl_sum_numbers *x = &low.numbers, *y = &high.numbers;
    x->count.used += y->count.used;
    x->count.outside += y->count.outside;
    x->count.sumwt += y->count.sumwt;
    x->umax_lambda = fmax(x->umax_lambda, y->umax_lambda);
    x->vmax_lambda = fmax(x->vmax_lambda, y->vmax_lambda);
    x->reach[0] = x->reach[0] > y->reach[0] ? x->reach[0] : y->reach[0];
    return low;
}

typedef struct grown {
    float a[N], b[M];
    size_t reach;
    pcl_sum sum;
} grown;

static void plant(grown *g, size_t nslice) {
    *g = (grown){.reach = 0};
    assert_ok(pcl_sum_init(&g->sum, nslice, N + M, &err));
    const pcl_grid_array array[] = {{g->a, N, &g->reach}, {g->b, M, NULL}};
    pcl_sum_begin(&g->sum, 2, array);
}

static void add_leaf(grown *g, size_t first, size_t n, const leaf *l) {
    const pcl_sum_node node = {.first = first, .n = n, .numbers = l->numbers};
    assert_ok(pcl_sum_open(&g->sum, &err));
    for (size_t i = 0; i < N; i++) {
        assert_true(g->a[i] == 0);
        g->a[i] = l->a[i];
    }
    memcpy(g->b, l->b, sizeof g->b);
    assert_ok(pcl_sum_close(&g->sum, &node, &err));
}

static void assert_total(const grown *g, const leaf *want) {
    assert_int_equal(g->sum.nnode, 1);
    assert_int_equal(g->sum.node[0].n, g->sum.nslice);
    assert_memory_equal(g->a, want->a, sizeof g->a);
    assert_memory_equal(g->b, want->b, sizeof g->b);
    assert_memory_equal(&g->sum.node[0].numbers, &want->numbers, sizeof want->numbers);
    assert_int_equal(g->reach, want->numbers.reach[0]);
}

/* Wherever two processes meet, what the second has goes to the first node by node, and the sum is
 * that of the definition. */
static void a_sum_is_its_tree(void **state) {
    (void)state;
    static leaf leaves[PCL_SLICES_MOST];
    for (size_t nslice = 1; nslice <= PCL_SLICES_MOST; nslice *= 2) {
        make_leaves(nslice, leaves);
        const leaf want = tree(leaves, nslice);
        for (size_t cut = 0; cut <= nslice; cut++) {
            grown one, two;
            plant(&one, nslice);
            plant(&two, nslice);
            for (size_t k = 0; k < nslice; k++)
                add_leaf(k < cut ? &one : &two, k, 1, &leaves[k]);
            for (size_t k = 0; k < two.sum.nnode; k++) {
                const pcl_sum_node *node = &two.sum.node[k];
                leaf l = {.numbers = node->numbers};
                memcpy(l.a, pcl_sum_values(&two.sum, k, 0), sizeof l.a);
                memcpy(l.b, pcl_sum_values(&two.sum, k, 1), sizeof l.b);
                add_leaf(&one, node->first, node->n, &l);
            }
            assert_total(&one, &want);
            memcpy(two.a, one.a, sizeof two.a);
            memcpy(two.b, one.b, sizeof two.b);
            pcl_sum_replace(&two.sum, &one.sum.node[0].numbers);
            assert_total(&two, &want);
            pcl_sum_clear(&one.sum);
            pcl_sum_clear(&two.sum);
        }
    }
}

static void nodes_out_of_order_are_refused(void **state) {
    (void)state;
    grown g;
    leaf l;
    make_leaves(1, &l);
    plant(&g, 8);
    static const size_t wrong[][2] = {{0, 0}, {0, 3}, {1, 2}, {8, 1}, {4, 8}};
    for (size_t k = 0; k < sizeof wrong / sizeof *wrong; k++)
        assert_fails(
            pcl_sum_close(&g.sum, &(pcl_sum_node){.first = wrong[k][0], .n = wrong[k][1]}, &err),
            PCLEAN_EBUG, "do not follow");
    add_leaf(&g, 0, 1, &l);
    assert_ok(pcl_sum_open(&g.sum, &err));
    assert_fails(pcl_sum_close(&g.sum, &(pcl_sum_node){.first = 2, .n = 1}, &err), PCLEAN_EBUG,
                 "slices 2 to 3 of 8");
    pcl_sum_clear(&g.sum);
}

static int walk_nothing(void *user, size_t islice, pcl_sum_numbers *numbers, pclean_err *e) {
    (void)user;
    (void)islice;
    (void)numbers;
    (void)e;
    return 0;
}

/* A process that has only some of the slices, and nobody who brings the others. */
static void an_incomplete_sum_is_an_error(void **state) {
    (void)state;
    pcl_slices s;
    float a[2] = {0};
    const pcl_grid_array array = {a, 2, NULL};
    pcl_sum_numbers numbers = {.umax_lambda = 0};
    assert_ok(pcl_slices_init(&s, 4, 2, &(pcl_share){.i = 0, .n = 3}, &err));
    assert_fails(pcl_slices_sum(&s, 1, &array, walk_nothing, NULL, &numbers, &err), PCLEAN_EBUG,
                 "was not completed");
    pcl_slices_clear(&s);
}

/* ---- processes that share an image ---- */

enum { MOST_SHARES = 3, NPLANE = 4, NX = 90, NY = 80 };

/* What a process has made. */
typedef struct made {
    bool done;
    pcl_plane plane;
    float image[NPLANE][NX * NY]; /* dirty image, PSF, residual of a model, and of two of it */
} made;

/* The line from the first process to each other one; end 0 is the first's. */
typedef struct lines {
    size_t i, n;
    int end[MOST_SHARES][2];
} lines;

static bool put(int fd, const void *from, size_t bytes) {
    for (const char *at = from; bytes;) {
        const ssize_t n = write(fd, at, bytes);
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool get(int fd, void *to, size_t bytes) {
    for (char *at = to; bytes;) {
        const ssize_t n = read(fd, at, bytes);
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool put_arrays(const pcl_sum *s, size_t inode, int fd) {
    bool ok = true;
    for (size_t k = 0; k < s->narray; k++)
        ok = ok && put(fd, pcl_sum_values(s, inode, k), s->array[k].n * sizeof(float));
    return ok;
}

static bool get_arrays(const pcl_sum *s, int fd) {
    bool ok = true;
    for (size_t k = 0; k < s->narray; k++)
        ok = ok && get(fd, s->array[k].at, s->array[k].n * sizeof(float));
    return ok;
}

static int broken(pclean_err *e) {
    return PCL_FAIL(e, PCLEAN_EIO, "the line broke");
}

/* The first process adds the nodes of the others to its own and tells all what came of it. */
static int complete(void *user, pcl_sum *s, pclean_err *e) {
    const lines *l = user;
    if (l->i > 0) {
        const int fd = l->end[l->i][1];
        pcl_sum_numbers total;
        bool ok = put(fd, &s->nnode, sizeof s->nnode);
        for (size_t k = 0; k < s->nnode; k++)
            ok = ok && put(fd, &s->node[k], sizeof s->node[k]) && put_arrays(s, k, fd);
        if (!ok || !get(fd, &total, sizeof total) || !get_arrays(s, fd))
            return broken(e);
        pcl_sum_replace(s, &total);
        return 0;
    }
    for (size_t i = 1; i < l->n; i++) {
        size_t n = 0;
        bool ok = get(l->end[i][0], &n, sizeof n);
        for (size_t k = 0; ok && k < n; k++) {
            pcl_sum_node node;
            int rc = pcl_sum_open(s, e);
            if (rc)
                return rc;
            ok = get(l->end[i][0], &node, sizeof node) && get_arrays(s, l->end[i][0]);
            if (ok && (rc = pcl_sum_close(s, &node, e)))
                return rc;
        }
        if (!ok)
            return broken(e);
    }
    for (size_t i = 1; i < l->n; i++)
        if (!put(l->end[i][0], &s->node[0].numbers, sizeof s->node[0].numbers) ||
            !put_arrays(s, 0, l->end[i][0]))
            return broken(e);
    return 0;
}

static int make_image(const image *f, const pcl_share *share, made *out, pclean_err *e) {
    pcl_target t;
    const pcl_target_options options = {.share = *share};
    const size_t ichan = f->setup.desc.nchan / 2, bytes = sizeof out->image[0];
    int rc = pcl_target_init(&t, &f->setup, &f->vis, &options, e);
    if (rc)
        return rc;
    if ((rc = pcl_target_begin(&t, ichan, 0, e)))
        goto done;
    memset(t.model[0], 0, bytes);
    if ((rc = pcl_target_dirty(&t, e)))
        goto done;
    memcpy(out->image[0], t.residual[0], bytes);
    memcpy(out->image[1], t.psf[0], bytes);
    for (int twice = 0; twice <= 1 && !rc; twice++) {
        t.model[0][31 * NX + 40] += 0.5f;
        t.model[0][50 * NX + 17] -= 0.25f;
        rc = pcl_target_major(&t, e);
        memcpy(out->image[2 + twice], t.residual[0], bytes);
    }
    pcl_target_measure(&t);
    out->plane = t.plane;
    out->done = !rc;
done:
    pcl_target_clear(&t);
    return rc;
}

/* Leaves process i its own ends of the lines, and the parent (i = n) none: who waits for a process
 * that has ended hears of it. */
static void keep_own_ends(const lines *l, size_t i) {
    for (size_t k = 1; k < l->n; k++)
        for (size_t end = 0; end < 2; end++)
            if (i == l->n || i != (end == 0 ? 0 : k))
                close(l->end[k][end]);
}

/* n processes make the image together; one alone has two threads, several have one each. */
static void make_together(const image *f, size_t n, made *out) {
    lines l = {.n = n};
    pid_t pid[MOST_SHARES];
    for (size_t i = 1; i < n; i++)
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, l.end[i]), 0);
    for (size_t i = 0; i < n; i++) {
        out[i] = (made){.done = false};
        pid[i] = fork();
        assert_true(pid[i] >= 0);
        if (pid[i] > 0)
            continue;
        pclean_err e;
        l.i = i;
        keep_own_ends(&l, i);
        omp_set_num_threads(n == 1 ? 2 : 1);
        const pcl_share share = {.i = i, .n = n, .complete = n > 1 ? complete : NULL, .user = &l};
        if (make_image(f, &share, &out[i], &e))
            fprintf(stderr, "process %zu of %zu: %s\n", i, n, e.msg);
        _exit(0);
    }
    keep_own_ends(&l, n);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(waitpid(pid[i], NULL, 0), pid[i]);
    for (size_t i = 0; i < n; i++)
        assert_true(out[i].done);
}

static void assert_close(const made *a, const made *b, bool equal) {
    double most = 0, peak = 0;
    for (size_t k = 0; k < NPLANE; k++)
        for (size_t i = 0; i < NX * NY; i++) {
            most = fmax(most, fabs((double)a->image[k][i] - (double)b->image[k][i]));
            peak = fmax(peak, fabs((double)a->image[k][i]));
        }
    assert_true(peak > 0 && most < 1e-5 * peak);
    assert_true(equal || most > 0);
    assert_int_equal(a->plane.nvis, b->plane.nvis);
    assert_int_equal(a->plane.noutside, b->plane.noutside);
    assert_true(fabs(a->plane.sumwt / b->plane.sumwt - 1) < 1e-6);
}

static void configure(image *f, bool wide, const char *const *weights) {
    *f = (image){0};
    if (wide)
        image_configure_wide(f, weights);
    else
        image_configure_line(f, weights);
    assert_ok(pclean_config_set(&f->config, "niter", "10", &err));
}

/* Natural and briggs weights, with and without w, a density of each channel and of all: eight
 * slices walked by one, two and three processes give the same bytes. They are not those of one
 * slice, but close to them. One slice can be shared as well: the others have nothing to walk. */
static void processes_share_an_image(void **state) {
    (void)state;
    static const char *const weights[][5] = {
        {NULL},
        {"weighting", "briggs", NULL},
        {"weighting", "briggs", "perchanweightdensity", "false", NULL}};
    made *all = mmap(NULL, (3 + MOST_SHARES) * sizeof *all, PROT_READ | PROT_WRITE,
                     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(all != MAP_FAILED);
    made *usual = &all[0], *one = &all[1], *together = &all[2];
    for (size_t k = 0; k < 6; k++) {
        image f;
        configure(&f, k % 2, weights[k / 2]);
        image_open(&f);
        assert_int_equal(pcl_setup_nslice(&f.setup), 1);
        image_read(&f);
        make_together(&f, 1, usual);
        make_together(&f, 2, together);
        for (size_t i = 0; i < 2; i++)
            assert_memory_equal(usual, &together[i], sizeof *usual);
        f.setup.params.slicing = (pcl_slicing){.samples = f.setup.samples_per_plane / 8.5};
        assert_int_equal(pcl_setup_nslice(&f.setup), 8);
        make_together(&f, 1, one);
        assert_close(usual, one, false);
        for (size_t n = 2; n <= MOST_SHARES; n++) {
            make_together(&f, n, together);
            for (size_t i = 0; i < n; i++)
                assert_memory_equal(one, &together[i], sizeof *one);
        }
        image_close(&f);
    }
    munmap(all, (3 + MOST_SHARES) * sizeof *all);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_and_image_say_how_many),
        cmocka_unit_test(a_sum_is_its_tree),
        cmocka_unit_test(nodes_out_of_order_are_refused),
        cmocka_unit_test(an_incomplete_sum_is_an_error),
        cmocka_unit_test(processes_share_an_image),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
