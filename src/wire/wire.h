/* wire.h: values as bytes and back, for messages between processes of one build on one machine:
 * numbers and structs are copied as they lie in memory. Every item begins at a multiple of eight
 * bytes, so what is read may be used where it lies.
 *
 * Neither side checks each step: a buffer that could not grow, or that is read beyond its end or
 * with a length that it cannot hold, is bad from then on, gives zeros and NULL, and says so at the
 * end (pcl_wire_bad). A message of a dying process is thus never trusted, and never a crash. */
#ifndef PCL_WIRE_H
#define PCL_WIRE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct pcl_wire {
    unsigned char *data; /* owned; pcl_wire_clear */
    size_t n, capacity;  /* bytes written, and for which there is room */
    size_t at;           /* bytes read */
    bool bad;
} pcl_wire;

void pcl_wire_clear(pcl_wire *w);
static inline bool pcl_wire_bad(const pcl_wire *w) {
    return w->bad;
}

/* Room for n bytes more than are written; NULL: there is no memory for them. */
unsigned char *pcl_wire_room(pcl_wire *w, size_t n);

/* n items of `size` bytes, with their number; NULL stands for NULL. */
void pcl_wire_put_array(pcl_wire *w, const void *items, size_t n, size_t size);
void pcl_wire_put_text(pcl_wire *w, const char *text); /* NULL stands for NULL */
void pcl_wire_put_texts(pcl_wire *w, const char *const *text, size_t n);
void pcl_wire_put_u64(pcl_wire *w, uint64_t value);
void pcl_wire_put_double(pcl_wire *w, double value);
/* A struct without pointers, or whose pointers are put again behind it. */
void pcl_wire_put_struct(pcl_wire *w, const void *value, size_t size);

/* Where they lie in the buffer, until it is cleared or grows. get_exactly: any other number of
 * items than n makes the buffer bad. */
const void *pcl_wire_get_array(pcl_wire *w, size_t *n, size_t size);
const void *pcl_wire_get_exactly(pcl_wire *w, size_t n, size_t size);
const char *pcl_wire_get_text(pcl_wire *w); /* ends with NUL */
uint64_t pcl_wire_get_u64(pcl_wire *w);
double pcl_wire_get_double(pcl_wire *w);
void pcl_wire_get_struct(pcl_wire *w, void *value, size_t size); /* zeros when bad */
/* A NULL-terminated list of *n texts, pointers into the buffer; pcl_free. NULL: bad, or no
 * memory (then the buffer is bad). */
const char **pcl_wire_get_texts(pcl_wire *w, size_t *n);
/* A copy of such a list, NULL-terminated and in one block: pcl_free. NULL as above. */
char **pcl_wire_copy_texts(pcl_wire *w);

#endif
