/* stop.c: the words for pclean/run.h's stop codes, which run and JSON show. */
#include "pclean/run.h"

const char *pclean_stop_text(int stop) {
    switch (stop) {
#define X(symbol, number, text)                                                                    \
    case number:                                                                                   \
        return text;
        PCLEAN_STOP_LIST(X)
#undef X
    }
    return "unknown";
}
