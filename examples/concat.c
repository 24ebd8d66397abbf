/* concat.c: joins images along the spectral axis, all pixels verified, and shows how far it is.
 * concat OUT IN... */
#include <pclean.h>
#include <stdio.h>
#include <stdlib.h>

static void show(const pclean_progress *p, void *user) {
    (void)user;
    fprintf(stderr, "%3.0f %%\n", 100 * p->fraction);
}

int main(int argc, char **argv) {
    if (argc < 3)
        return 2;
    pclean_concat_options options;
    pclean_hooks hooks;
    pclean_concat_result *result = NULL;
    pclean_err err = {0};
    char *json = NULL;
    pclean_concat_options_init(&options, sizeof options);
    pclean_hooks_init(&hooks, sizeof hooks);
    options.verify_full = true;
    hooks.progress = show;
    int rc = pclean_concat_images(argv[1], (const char *const *)argv + 2, (size_t)argc - 2,
                                  &options, &hooks, &result, &err);
    rc = rc ? rc : pclean_concat_json(result, &json, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    else
        puts(json);
    free(json);
    pclean_concat_result_free(result);
    return rc != 0;
}
