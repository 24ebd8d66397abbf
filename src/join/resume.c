#include "join/resume.h"
#include "base/fsutil.h"
#include "base/mem.h"
#include "image/kind.h"
#include "image/virtual.h"
#include <string.h>
#include <sys/stat.h>

int pcl_resume_aside(const char *input, char **out, pclean_err *err) {
    return pcl_asprintf(out, err, "%s" PCL_RESUME_ENDING, input);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* Whether the two folders hold the same file of this name: hard links. */
static bool same_file(const char *folder, const char *other, const char *name) {
    char *a = NULL, *b = NULL;
    struct stat p, q;
    const bool same = !pcl_asprintf(&a, NULL, "%s/%s", folder, name) &&
                      !pcl_asprintf(&b, NULL, "%s/%s", other, name) && stat(a, &p) == 0 &&
                      stat(b, &q) == 0 && p.st_ino == q.st_ino && p.st_dev == q.st_dev;
    pcl_free(a);
    pcl_free(b);
    return same;
}

/* Whether the removal of an input had begun: it is gone, aside, or moved but for its first name. */
static bool has_begun(const char *image, const char *input) {
    char *aside = NULL, *inside = NULL;
    const bool gone =
        !pcl_fs_exists(input) || (!pcl_resume_aside(input, &aside, NULL) && pcl_fs_exists(aside));
    const bool begun = gone || (!pcl_asprintf(&inside, NULL, "%s/%s", image, base_name(input)) &&
                                same_file(input, inside, "table.dat"));
    pcl_free(aside);
    pcl_free(inside);
    return begun;
}

/* Whether the image has one of this name inside. */
static bool has_inside(const pcl_series *whole, const char *image, const char *input) {
    const size_t n = strlen(image);
    for (size_t i = 0; i < whole->n; i++) {
        const char *path = casa_member_get_info(whole->member[i])->path;
        if (strncmp(path, image, n) == 0 && path[n] == '/' &&
            strcmp(path + n + 1, base_name(input)) == 0)
            return true;
    }
    return false;
}

static bool is_made_of(const pcl_series *whole, const char *image, const char *input) {
    char *line = NULL;
    bool found = false;
    if (whole->nested)
        return has_inside(whole, image, input);
    if (pcl_asprintf(&line, NULL, PCL_RESUME_LINE, input) ||
        casa_member_find_history(whole->member[0], line, &found, NULL))
        found = false;
    pcl_free(line);
    return found;
}

/* What is left of an input must be in the image, too. */
static bool has_planes(const pcl_series *whole, const char *input, const pclean_concat_options *o) {
    const pcl_series_options load = {.axis = (int)whole->axis, .relax = true};
    pcl_series some = {0};
    long offset = -1;
    if (!pcl_fs_exists(input))
        return true;
    const bool has =
        !pcl_series_load(&input, 1, &load, &some, NULL) &&
        !casa_member_compare(whole->member[0], some.member[0], whole->axis, o->relax, NULL) &&
        !pcl_series_find(whole, &some, &offset, NULL) && offset >= 0;
    pcl_series_clear(&some);
    return has;
}

bool pcl_resume_may_remove(const char *aside, const pcl_series *whole,
                           const pclean_concat_options *o) {
    return pcl_kind_is_image(aside) ? whole && has_planes(whole, aside, o)
                                    : pcl_kind_is_remains(aside);
}

bool pcl_resume_check(const char *image, const char *const *input, size_t ninput,
                      const pclean_concat_options *o, pcl_series *whole) {
    const pcl_series_options load = {.axis = o->axis, .relax = true};
    bool is = false;
    *whole = (pcl_series){0};
    for (size_t i = 0; i < ninput; i++)
        is = is || o->delete_inputs || has_begun(image, input[i]);
    is = is && pcl_fs_exists(image) && !pcl_series_load(&image, 1, &load, whole, NULL);
    for (size_t i = 0; is && i < ninput; i++)
        is = is_made_of(whole, image, input[i]) && has_planes(whole, input[i], o);
    if (!is)
        pcl_series_clear(whole);
    return is;
}
