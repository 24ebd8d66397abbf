#include "config/problems.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void pcl_problems_add(struct pcl_problems *problems, int code, const char *fmt, ...) {
    char line[sizeof problems->text - 2];
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    code = abs(code);
    if (problems->n == 0 || code == PCLEAN_EPARAM)
        problems->code = code;
    problems->n++;
    size_t used = strlen(problems->text);
    if (problems->dropped || used + strlen(line) + 2 > sizeof problems->text)
        problems->dropped++;
    else
        sprintf(problems->text + used, "%s%s", used ? "\n" : "", line);
}

int pcl_problems_finish(const struct pcl_problems *problems, pclean_err *err) {
    if (problems->n == 0)
        return 0;
    if (problems->dropped)
        return PCL_FAIL(err, problems->code, "%s\n... and %zu more", problems->text,
                        problems->dropped);
    return PCL_FAIL(err, problems->code, "%s", problems->text);
}
