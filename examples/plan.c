/* plan.c: what an image would take, with parameters as Python or a web page would give them.
 * plan '{"vis": "my.ms", "imagename": "my", "specmode": "cube"}' */
#include <pclean.h>
#include <stdio.h>

int main(int argc, char **argv) {
    if (argc != 2)
        return 2;
    pclean_config *config = NULL;
    pclean_plan *plan = NULL;
    pclean_err err = {0};
    int rc = pclean_config_new(&config, &err);
    rc = rc ? rc : pclean_config_set_json(config, argv[1], &err);
    rc = rc ? rc : pclean_plan_make(config, NULL, &plan, &err);
    if (rc) {
        fprintf(stderr, "%s\n", err.msg);
    } else {
        printf("%zu x %zu pixels, %zu channels from %.6f GHz\n", plan->nx, plan->ny, plan->nchan,
               1e-9 * plan->first_hz);
        printf("%d workers, %.0f MB of memory, %.0f MB on disk\n", plan->nworkers,
               1e-6 * (double)plan->memory_bytes, 1e-6 * (double)plan->products.needed_bytes);
        for (size_t i = 0; i < plan->nproblem; i++)
            printf("problem: %s\n", plan->problem[i]);
    }
    pclean_plan_free(plan);
    pclean_config_free(config);
    return rc != 0;
}
