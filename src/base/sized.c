#include "base/sized.h"

#include <string.h>

/* No struct of options will be as large. */
enum { MOST = 1 << 16 };

void pcl_sized_init(void *theirs, size_t size, const void *ours, size_t our_size) {
    if (!theirs || size < sizeof size)
        return;
    memset(theirs, 0, size);
    memcpy(theirs, ours, size < our_size ? size : our_size);
    memcpy(theirs, &size, sizeof size);
}

int pcl_sized_take(void *ours, size_t our_size, const void *theirs, const char *type,
                   pclean_err *err) {
    size_t size;
    if (!theirs)
        return 0;
    memcpy(&size, theirs, sizeof size);
    if (size <= sizeof size || size > MOST || size % sizeof size != 0)
        return PCL_FAIL(err, PCLEAN_EPARAM,
                        "%s begins with its size, which cannot be %zu: %s_init sets it", type, size,
                        type);
    for (size_t i = our_size; i < size; i++)
        if (((const char *)theirs)[i])
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "%s of a later version asks for something that this version lacks",
                            type);
    const size_t n = size < our_size ? size : our_size;
    memcpy((char *)ours + sizeof size, (const char *)theirs + sizeof size, n - sizeof size);
    memcpy(ours, &our_size, sizeof our_size);
    return 0;
}
