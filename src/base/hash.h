/* hash.h: FNV-1a, 64 bits: a checksum against accidents. */
#ifndef PCL_HASH_H
#define PCL_HASH_H
#include <stddef.h>
#include <stdint.h>

#define PCL_HASH UINT64_C(14695981039346656037) /* of nothing */

/* The checksum that goes on from `hash`, that of the bytes before, over n bytes of data. */
static inline uint64_t pcl_hash(uint64_t hash, const void *data, size_t n) {
    for (const unsigned char *p = data; n > 0; n--)
        hash = (hash ^ *p++) * UINT64_C(1099511628211);
    return hash;
}

#endif
