#include "base/parcel.h"

#include <stdint.h>
#include <string.h>

#include "base/mem.h"

static bool make_room(pcl_parcel *p, size_t size) {
    if (p->failed || size > SIZE_MAX / 2 - p->size)
        return false;
    if (p->size + size <= p->capacity)
        return true;
    const size_t capacity = 2 * (p->size + size) + 64;
    unsigned char *more = NULL;
    if (PCL_NEW(&more, capacity, "parcel", NULL))
        return false;
    if (p->size)
        memcpy(more, p->data, p->size);
    pcl_free(p->data);
    p->data = more;
    p->capacity = capacity;
    return true;
}

void pcl_parcel_put(pcl_parcel *p, const void *data, size_t size) {
    p->failed = !make_room(p, size);
    if (p->failed || size == 0)
        return;
    memcpy(p->data + p->size, data, size);
    p->size += size;
}

void pcl_parcel_put_text(pcl_parcel *p, const char *text) {
    const size_t n = text ? strlen(text) : 0;
    pcl_parcel_put(p, &n, sizeof n);
    pcl_parcel_put(p, text, n);
}

int pcl_parcel_check(const pcl_parcel *p, pclean_err *err) {
    return p->failed ? PCL_FAIL(err, PCLEAN_ENOMEM, "no memory for what the workers must know") : 0;
}

void pcl_parcel_clear(pcl_parcel *p) {
    pcl_free(p->data);
    *p = (pcl_parcel){0};
}

void pcl_parcel_take(pcl_parcel_reader *r, void *data, size_t size) {
    r->failed = r->failed || size > r->size - r->at;
    if (r->failed) {
        memset(data, 0, size);
        return;
    }
    if (size)
        memcpy(data, r->data + r->at, size);
    r->at += size;
}

size_t pcl_parcel_take_count(pcl_parcel_reader *r, size_t least) {
    size_t n;
    pcl_parcel_take(r, &n, sizeof n);
    r->failed = r->failed || n > (r->size - r->at) / least;
    return r->failed ? 0 : n;
}

int pcl_parcel_take_text(pcl_parcel_reader *r, char **text, pclean_err *err) {
    *text = NULL;
    const size_t n = pcl_parcel_take_count(r, 1);
    int rc = pcl_parcel_reader_check(r, err);
    if (rc || (rc = PCL_NEW(text, n + 1, "text", err)))
        return rc;
    pcl_parcel_take(r, *text, n);
    (*text)[n] = '\0';
    return 0;
}

int pcl_parcel_reader_check(const pcl_parcel_reader *r, pclean_err *err) {
    return r->failed ? PCL_FAIL(err, PCLEAN_EDATA, "what a worker must know is cut short") : 0;
}
