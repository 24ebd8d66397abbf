#include "serve.h"
#include <stdlib.h>

int pcl_shelf_put(pcl_shelf *s, void *item, uint64_t *number, pclean_err *err) {
    size_t i = 0;
    while (i < s->n && s->item[i])
        i++;
    if (i == s->n) {
        const size_t n = s->n ? 2 * s->n : 16;
        void **more = realloc(s->item, n * sizeof *more);
        if (!more)
            return PCL_FAIL(err, PCLEAN_ENOMEM, "out of memory");
        for (size_t k = s->n; k < n; k++)
            more[k] = NULL;
        s->item = more;
        s->n = n;
    }
    s->item[i] = item;
    *number = i + 1;
    return 0;
}

void *pcl_shelf_get(const pcl_shelf *s, pcl_wire *in) {
    const uint64_t number = pcl_wire_get_u64(in);
    void *item = number > 0 && number <= s->n ? s->item[number - 1] : NULL;
    in->bad = in->bad || !item;
    return item;
}

void *pcl_shelf_take(pcl_shelf *s, pcl_wire *in) {
    const size_t at = in->at;
    void *item = pcl_shelf_get(s, in);
    if (item) {
        in->at = at;
        s->item[pcl_wire_get_u64(in) - 1] = NULL;
    }
    return item;
}

int pcl_serve_check(const pcl_wire *in, pclean_err *err) {
    return pcl_wire_bad(in) ? PCL_FAIL(err, PCLEAN_EBUG, "a message to casacore is damaged") : 0;
}
