/* image.c: makes an image or a cube. image CONFIG.yaml */
#include <pclean.h>
#include <stdio.h>

int main(int argc, char **argv) {
    pclean_config *config = NULL;
    pclean_result *result = NULL;
    pclean_err err = {0};
    int rc = pclean_config_new(&config, &err);
    rc = rc ? rc : pclean_config_read_yaml(config, argc > 1 ? argv[1] : "line.yaml", &err);
    rc = rc ? rc : pclean_config_set(config, "threshold", "2mJy", &err);
    rc = rc ? rc : pclean_image(config, NULL, &result, &err);
    if (rc)
        fprintf(stderr, "%s\n", err.msg);
    for (size_t i = 0; result && i < result->nchan * result->npol; i++)
        printf("channel %zu: %s\n", result->plane[i].chan, pclean_stop_text(result->plane[i].stop));
    pclean_result_free(result);
    pclean_config_free(config);
    return rc != 0;
}
