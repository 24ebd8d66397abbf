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
#include <stddef.h>

enum pcl_json_type {
    PCL_JSON_SIZE,    /* size_t */
    PCL_JSON_UINT64,  /* uint64_t */
    PCL_JSON_INT,     /* int */
    PCL_JSON_BOOL,    /* bool */
    PCL_JSON_REAL,    /* double */
    PCL_JSON_TEXT,    /* char *, owned (malloc); NULL is null */
    PCL_JSON_STATIC,  /* const char *, not owned: written, not read */
    PCL_JSON_CHARS,   /* char[length] */
    PCL_JSON_WORD,    /* int, shown by the word for it: written, not read */
    PCL_JSON_STRUCT,  /* a struct inside */
    PCL_JSON_STRUCTS, /* pointer to an array of structs, and its length */
    PCL_JSON_SIZES,   /* size_t *, and its length */
    PCL_JSON_SUMS,    /* uint64_t *, and its length: hexadecimal texts */
    PCL_JSON_TEXTS    /* char **, ended by NULL */
};

typedef struct pcl_json_struct pcl_json_struct;

typedef struct pcl_json_field {
    const char *name;
    enum pcl_json_type type;
    size_t offset;
    double unit;               /* PCL_JSON_REAL: JSON holds the field times this; 0: as it is */
    size_t length;             /* PCL_JSON_CHARS: of the array; arrays: offset of the size_t
                                * that is their length */
    size_t length2;            /* arrays: offset of a second size_t to multiply with; 0: none */
    const pcl_json_struct *of; /* of structs */
    const char *(*word)(int value);
} pcl_json_field;

struct pcl_json_struct {
    size_t size, nfield;
    const pcl_json_field *field;
};

/* Of a text that is not UTF-8 the ASCII letters are kept. NULL: no memory. */
json_t *pcl_json_write(const pcl_json_struct *s, const void *from);

/* Fills *to, which is zero before, with what the JSON has of the fields; to be cleared as its kind
 * is, also after a failure. Keys that are not fields are passed over. -PCLEAN_EPARAM: a value of
 * the wrong kind; -PCLEAN_ENOMEM. */
int pcl_json_read(const pcl_json_struct *s, const json_t *from, void *to,
                  pclean_err *err) PCL_CHECK;

#endif
