/* fields.h: a public struct as JSON and back, from one table of its fields. The record of a run,
 * --json, the stream of events and callers in other languages all use these tables: nothing is
 * packed by hand.
 *
 * A field's name may have dots: "memory.plan_bytes" stands in an object "memory". Numbers that are
 * not finite are null; so is a count that means "none" (its largest value). Thread-safe. */
#ifndef PCL_JSON_FIELDS_H
#define PCL_JSON_FIELDS_H
#include "base/err.h"
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum pcl_json_type {
    PCL_JSON_SIZE,    /* size_t */
    PCL_JSON_UINT64,  /* uint64_t */
    PCL_JSON_INT,     /* int */
    PCL_JSON_BOOL,    /* bool */
    PCL_JSON_REAL,    /* double */
    PCL_JSON_FLOAT,   /* float: written, not read */
    PCL_JSON_TEXT,    /* char *, owned (malloc); NULL is null */
    PCL_JSON_CHARS,   /* char[length] */
    PCL_JSON_CHOICE,  /* int, the index in `words` */
    PCL_JSON_EITHER,  /* bool, by two `words`: for false and for true */
    PCL_JSON_WORD,    /* int, shown by the word for it: written, not read */
    PCL_JSON_OBJECT,  /* char *, owned: the text of a JSON object; NULL is null */
    PCL_JSON_STRUCT,  /* a struct inside */
    PCL_JSON_POINTER, /* pointer to one struct, owned; NULL is null */
    PCL_JSON_STRUCTS, /* pointer to an array of structs, owned, and its length */
    PCL_JSON_INSIDE,  /* an array of structs inside, with room for `room`, and its length */
    PCL_JSON_MAP,     /* the same as an object: of each struct the first field is the key, the
                       * second the value */
    PCL_JSON_SIZES,   /* size_t *, owned, and its length */
    PCL_JSON_SUMS,    /* uint64_t *, owned, and its length: hexadecimal texts */
    PCL_JSON_TEXTS,   /* char **, owned, ended by NULL */
    PCL_JSON_LIST,    /* char **, owned, and its length */
    PCL_JSON_MADE     /* made of the struct by `make`: written, not read */
};

typedef struct pcl_json_struct pcl_json_struct;

typedef struct pcl_json_field {
    const char *name;
    enum pcl_json_type type;
    size_t offset;
    double unit, per;          /* PCL_JSON_REAL: JSON holds the field times `unit` divided by
                                * `per`; 0 stands for 1 */
    size_t length;             /* PCL_JSON_CHARS: of the array; arrays: offset of the size_t
                                * that is their length */
    size_t length2;            /* arrays: offset of a second size_t to multiply with; 0: none */
    size_t room;               /* PCL_JSON_INSIDE, _MAP */
    const pcl_json_struct *of; /* of structs */
    const char *words;         /* "a|b|c" */
    const char *(*word)(int value);
    json_t *(*make)(const void *from);
    bool optional; /* left out, not null, where a pointer is NULL or a count means "none" */
} pcl_json_field;

struct pcl_json_struct {
    size_t size, nfield;
    const pcl_json_field *field;
    bool (*given)(const void *from); /* NULL: always; false: null stands for the struct */
};

/* The ASCII letters of a text that is not UTF-8 are kept. NULL: no memory. */
json_t *pcl_json_write(const pcl_json_struct *s, const void *from);

/* Fills *to, which is zero before, with what the JSON has of the fields; to be cleared as its kind
 * is, also after a failure. Keys that are not fields are passed over. -PCLEAN_EPARAM: a value of
 * the wrong kind; -PCLEAN_ENOMEM. */
int pcl_json_read(const pcl_json_struct *s, const json_t *from, void *to,
                  pclean_err *err) PCL_CHECK;

#endif
