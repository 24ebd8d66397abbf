#include "config/words.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* Word i of "a|b|c": its beginning and length; NULL past the end. */
static const char *word_at(const char *words, size_t i, size_t *len) {
    const char *p = words;
    if (!p || !*p)
        return NULL;
    for (; i > 0; i--) {
        p = strchr(p, '|');
        if (!p)
            return NULL;
        p++;
    }
    *len = strcspn(p, "|");
    return p;
}

int pcl_words_index(const char *words, const char *word) {
    size_t len, n = strlen(word);
    const char *p;
    for (size_t i = 0; (p = word_at(words, i, &len)) != NULL; i++)
        if (len == n && strncasecmp(p, word, n) == 0)
            return (int)i;
    return -1;
}

bool pcl_words_at(const char *words, size_t i, char *buf, size_t size) {
    size_t len;
    const char *p = word_at(words, i, &len);
    if (p)
        snprintf(buf, size, "%.*s", (int)len, p);
    return p != NULL;
}

void pcl_words_join(const char *words, char *buf, size_t size) {
    size_t at = 0;
    for (; words && *words && at + 3 < size; words++) {
        buf[at++] = *words == '|' ? ',' : *words;
        if (*words == '|')
            buf[at++] = ' ';
    }
    buf[at] = '\0';
}

const char *pcl_spectral_amount(const char *text, char *word, size_t size) {
    const char *begin = text + strspn(text, " ");
    size_t n = isalpha((unsigned char)*begin) ? strcspn(begin, " ") : 0;
    n = begin[n + strspn(begin + n, " ")] ? n : 0; /* a word alone is no frame */
    if (word)
        snprintf(word, size, "%.*s", (int)n, begin);
    return begin + n + strspn(begin + n, " ");
}
