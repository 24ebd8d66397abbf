/* words.h: lists of words in one text, "a|b|c". */
#ifndef PCL_WORDS_H
#define PCL_WORDS_H
#include <stdbool.h>
#include <stddef.h>

/* "a|b|c": does it hold the word (any case), at which index, and what is word i (copied into buf;
 * false past the end). */
int pcl_words_index(const char *words, const char *word);
bool pcl_words_at(const char *words, size_t i, char *buf, size_t size);
/* "a|b|c" -> "a, b, c". */
void pcl_words_join(const char *words, char *buf, size_t size);

/* start or width without the frame or convention that a measure of CASA brings along: "LSRK 1.4GHz"
 * -> "1.4GHz". word (NULL: not wanted): what stood before it, "". */
const char *pcl_spectral_amount(const char *text, char *word, size_t size);

#endif
