#include "data/identity.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "casa/casa.h"

enum { MOST_FIELDS = 1 << 16, MOST_DISHES = 1 << 8 };

static int list_fields(const casa_ms_info *info, pcl_identity *id, pclean_err *err) {
    if (info->nfield > MOST_FIELDS)
        return 0;
    int rc = PCL_NEW(&id->field_id, info->nfield, "list of fields", err);
    if (rc)
        return rc;
    id->nfield = info->nfield;
    for (size_t i = 0; i < info->nfield; i++)
        id->field_id[i] = info->field[i].id;
    return 0;
}

static int by_size(const void *a, const void *b) {
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Index of the first that is not below x in an ascending list. */
static size_t place_of(const double *list, size_t n, double x) {
    size_t low = 0, high = n;
    while (low < high) {
        const size_t mid = low + (high - low) / 2;
        if (list[mid] < x)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* The diameters, each once, and a 0. */
static int list_dishes(const casa_ms_info *info, pcl_identity *id, pclean_err *err) {
    double *all = NULL;
    size_t n = 0;
    int rc;
    if ((rc = PCL_ZNEW(&all, info->nantenna + 1, "list of dishes", err)) ||
        (rc = PCL_ZNEW(&id->dish_of, info->nantenna, "list of dishes", err)))
        goto done;
    id->nantenna = info->nantenna;
    if (info->nantenna)
        memcpy(all + 1, info->antenna_dish_m, info->nantenna * sizeof *all);
    qsort(all, info->nantenna + 1, sizeof *all, by_size);
    for (size_t i = 0; i <= info->nantenna; i++)
        if (n == 0 || all[i] > all[n - 1])
            all[n++] = all[i];
    if (n > MOST_DISHES)
        goto done;
    for (size_t a = 0; a < info->nantenna; a++)
        id->dish_of[a] = (uint8_t)place_of(all, n, info->antenna_dish_m[a]);
    id->ndish = n;
    id->dish_m = all;
    return 0;
done:
    pcl_free(all);
    return rc;
}

int pcl_identity_make(const casa_ms_info *info, pcl_identity *out, pclean_err *err) {
    *out = (pcl_identity){0};
    int rc = list_fields(info, out, err);
    return rc ? rc : list_dishes(info, out, err);
}

void pcl_identity_clear(pcl_identity *id) {
    pcl_free(id->field_id);
    pcl_free(id->dish_m);
    pcl_free(id->dish_of);
    *id = (pcl_identity){0};
}

static uint16_t field_of(const pcl_identity *id, int field_id) {
    size_t low = 0, high = id->nfield;
    while (high > low + 1) {
        const size_t mid = low + (high - low) / 2;
        if (id->field_id[mid] <= field_id)
            low = mid;
        else
            high = mid;
    }
    return (uint16_t)low;
}

static uint8_t dish_of(const pcl_identity *id, int antenna) {
    return antenna >= 0 && (size_t)antenna < id->nantenna ? id->dish_of[antenna] : 0;
}

pcl_row_identity pcl_identity_of_row(const pcl_identity *id, int field_id, const int antenna[2]) {
    return (pcl_row_identity){.field = field_of(id, field_id),
                              .dish = {dish_of(id, antenna[0]), dish_of(id, antenna[1])}};
}
