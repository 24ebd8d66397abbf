#include "wire/wire.h"
#include "base/mem.h"
#include <stdlib.h>
#include <string.h>

static const uint64_t none = UINT64_MAX; /* the length of what is NULL */

static size_t padded(size_t n) {
    return (n + 7) & ~(size_t)7;
}

void pcl_wire_clear(pcl_wire *w) {
    free(w->data);
    *w = (pcl_wire){0};
}

unsigned char *pcl_wire_room(pcl_wire *w, size_t n) {
    if (w->bad || n > SIZE_MAX / 4 || w->n > SIZE_MAX / 4) {
        w->bad = true;
        return NULL;
    }
    if (!w->data || w->n + n > w->capacity) {
        size_t capacity = w->capacity ? w->capacity : 256;
        while (capacity < w->n + n)
            capacity *= 2;
        unsigned char *data = realloc(w->data, capacity);
        if (!data) {
            w->bad = true;
            return NULL;
        }
        w->data = data;
        w->capacity = capacity;
    }
    return w->data + w->n;
}

void pcl_wire_put_struct(pcl_wire *w, const void *value, size_t size) {
    unsigned char *to = pcl_wire_room(w, padded(size));
    if (!to)
        return;
    if (size)
        memcpy(to, value, size);
    memset(to + size, 0, padded(size) - size);
    w->n += padded(size);
}

void pcl_wire_put_u64(pcl_wire *w, uint64_t value) {
    pcl_wire_put_struct(w, &value, sizeof value);
}

void pcl_wire_put_double(pcl_wire *w, double value) {
    pcl_wire_put_struct(w, &value, sizeof value);
}

void pcl_wire_put_array(pcl_wire *w, const void *items, size_t n, size_t size) {
    pcl_wire_put_u64(w, items ? n : none);
    if (items)
        pcl_wire_put_struct(w, items, n * size);
}

void pcl_wire_put_text(pcl_wire *w, const char *text) {
    pcl_wire_put_array(w, text, text ? strlen(text) + 1 : 0, 1);
}

void pcl_wire_put_texts(pcl_wire *w, const char *const *text, size_t n) {
    pcl_wire_put_u64(w, n);
    for (size_t i = 0; i < n; i++)
        pcl_wire_put_text(w, text[i]);
}

/* The next n items, NULL when they are not there. */
static const void *take(pcl_wire *w, uint64_t n, size_t size) {
    const size_t left = w->n - w->at;
    if (w->bad || (size && n > left / size) || padded((size_t)n * size) > left) {
        w->bad = true;
        return NULL;
    }
    const void *at = w->data + w->at;
    w->at += padded((size_t)n * size);
    return at;
}

void pcl_wire_get_struct(pcl_wire *w, void *value, size_t size) {
    const void *at = take(w, 1, size);
    if (at)
        memcpy(value, at, size);
    else
        memset(value, 0, size);
}

uint64_t pcl_wire_get_u64(pcl_wire *w) {
    uint64_t value;
    pcl_wire_get_struct(w, &value, sizeof value);
    return value;
}

double pcl_wire_get_double(pcl_wire *w) {
    double value;
    pcl_wire_get_struct(w, &value, sizeof value);
    return value;
}

const void *pcl_wire_get_array(pcl_wire *w, size_t *n, size_t size) {
    const uint64_t count = pcl_wire_get_u64(w);
    const void *at = w->bad || count == none ? NULL : take(w, count, size);
    *n = at ? (size_t)count : 0;
    return at;
}

const void *pcl_wire_get_exactly(pcl_wire *w, size_t n, size_t size) {
    size_t found;
    const void *at = pcl_wire_get_array(w, &found, size);
    if (found != n)
        w->bad = true;
    return w->bad ? NULL : at;
}

const char *pcl_wire_get_text(pcl_wire *w) {
    size_t n;
    const char *text = pcl_wire_get_array(w, &n, 1);
    if (text && (n == 0 || text[n - 1] != '\0'))
        w->bad = true;
    return w->bad ? NULL : text;
}

const char **pcl_wire_get_texts(pcl_wire *w, size_t *n) {
    const uint64_t count = pcl_wire_get_u64(w);
    const char **list = NULL;
    *n = 0;
    /* a text takes eight bytes at least */
    if (w->bad || count > (w->n - w->at) / 8 || PCL_NEW(&list, (size_t)count + 1, "texts", NULL)) {
        w->bad = true;
        return NULL;
    }
    for (size_t i = 0; i < count; i++)
        list[i] = pcl_wire_get_text(w);
    list[count] = NULL;
    if (w->bad) {
        pcl_free(list);
        return NULL;
    }
    *n = (size_t)count;
    return list;
}

char **pcl_wire_copy_texts(pcl_wire *w) {
    size_t n, bytes = 0;
    const char **list = pcl_wire_get_texts(w, &n);
    for (size_t i = 0; list && i < n; i++)
        bytes += list[i] ? strlen(list[i]) + 1 : 1;
    void *block = NULL;
    if (!list || pcl_alloc(&block, (n + 1) * sizeof(char *) + bytes, 1, "texts", NULL) != 0) {
        w->bad = true;
        pcl_free(list);
        return NULL;
    }
    char **out = block, *to = (char *)(out + n + 1);
    for (size_t i = 0; i < n; i++) {
        const char *text = list[i] ? list[i] : "";
        out[i] = memcpy(to, text, strlen(text) + 1);
        to += strlen(text) + 1;
    }
    out[n] = NULL;
    pcl_free(list);
    return out;
}
