#include "base/err.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *pclean_error_name(int code) {
    switch (abs(code)) {
    case PCLEAN_OK:
        return "ok";
#define X(symbol, text)                                                                            \
    case symbol:                                                                                   \
        return text;
        PCLEAN_ERROR_LIST(X)
#undef X
    default:
        return "unknown error";
    }
}

/* Copies what fits and never leaves half of a UTF-8 character at the end: the text goes into JSON
 * and onto terminals. */
static void copy_truncated(char *to, size_t size, const char *from) {
    size_t n = strlen(from);
    if (n >= size) {
        n = size - 1;
        while (n > 0 && ((unsigned char)from[n] & 0xC0U) == 0x80U)
            n--;
    }
    memcpy(to, from, n);
    to[n] = '\0';
}

int pcl_err_set(pclean_err *err, int code, const char *file, int line, const char *fmt, ...) {
    if (!err)
        return -code;
    /* Formatted aside first: the arguments may point into err->msg. */
    char text[sizeof err->msg + 4];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    const char *slash = strrchr(file, '/');
    err->code = code;
    err->line = line;
    copy_truncated(err->file, sizeof err->file, slash ? slash + 1 : file);
    copy_truncated(err->msg, sizeof err->msg, text);
    return -code;
}

void pcl_err_prefix(pclean_err *err, const char *fmt, ...) {
    if (!err)
        return;
    /* The context may take half of the room at most: the cause below it matters more. */
    char context[sizeof err->msg / 2], cut[sizeof err->msg / 2], whole[2 * sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    vsnprintf(context, sizeof context, fmt, args);
    va_end(args);
    copy_truncated(cut, sizeof cut - 4, context);
    snprintf(whole, sizeof whole, "%s%s", cut, err->msg);
    copy_truncated(err->msg, sizeof err->msg, whole);
}

int pcl_err_errno(pclean_err *err, const char *verb, const char *path) {
    const int e = errno, code = e == ENOSPC || e == EDQUOT ? PCLEAN_ENOSPC : PCLEAN_EIO;
    return PCL_FAIL(err, code, "cannot %s %s: %s", verb, path, strerror(e));
}
