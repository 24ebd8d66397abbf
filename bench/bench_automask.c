/* bench_automask: updates of an automatic mask alone, one thread.
 *
 *   bench_automask SIZE MAJOR MINOR PA SIDELOBE REPEAT MASK RESIDUAL...
 *       the residuals, float [SIZE][SIZE], of one cycle after the other; the beam in pixels and
 *       degrees. Prints the CPU seconds of each update (best of REPEAT); MASK: the last mask, a
 *       byte a pixel
 *
 * Parameters are those of ALMA's short baselines (share/presets/alma-12m-short.yaml), all pixels
 * valid. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/clean/automask.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void must(int ok, const char *what) {
    if (!ok) {
        fprintf(stderr, "bench_automask: %s\n", what);
        exit(1);
    }
}

static void read_plane(const char *path, float *plane, size_t n) {
    FILE *f = fopen(path, "rb");
    must(f && fread(plane, sizeof *plane, n, f) == n, path);
    fclose(f);
}

int main(int argc, char **argv) {
    must(argc > 8, "arguments");
    const size_t side = strtoul(argv[1], NULL, 10), n = side * side;
    float *residual = malloc(n * sizeof *residual), *work = malloc(n * sizeof *work);
    bool *valid = malloc(n), *mask = calloc(n, 1), *positive = calloc(n, 1), *spare = malloc(n),
         *before = malloc(2 * n);
    must(residual && work && valid && mask && positive && spare && before, "memory");
    memset(valid, true, n);
    omp_set_num_threads(1);
    pcl_automask_params p;
    pcl_automask_params_init(&p);
    p.sidelobethreshold = 2;
    p.noisethreshold = 4.25;
    pcl_automask_plane plane = {
        .raster = {side, side, 1, 1},
        .residual = residual,
        .valid = valid,
        .mask = mask,
        .positive = positive,
        .beam = {atof(argv[2]), atof(argv[3]), atof(argv[4]) * 3.14159265358979323846 / 180},
        .sidelobe = atof(argv[5])};
    for (int k = 8; k < argc; k++) {
        double best = 1e9;
        read_plane(argv[k], residual, n);
        plane.grow = k > 8;
        memcpy(before, mask, n);
        memcpy(before + n, positive, n);
        for (int i = 0; i < atoi(argv[6]); i++) {
            pcl_automask_result r;
            memcpy(mask, before, n);
            memcpy(positive, before + n, n);
            const double start = now();
            must(pcl_automask_update(&p, &plane, &(pcl_automask_work){work, spare}, &r, NULL) == 0,
                 "pcl_automask_update");
            const double took = now() - start;
            best = took < best ? took : best;
        }
        printf("%.6f\n", best);
    }
    FILE *f = fopen(argv[7], "wb");
    must(f && fwrite(mask, 1, n, f) == n && fclose(f) == 0, argv[7]);
    return 0;
}
