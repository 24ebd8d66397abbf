/* frame.h: messages on the line between a caller and the process that has casacore: a head of fixed
 * size, then a body of the length that the head says. One thread on each side. */
#ifndef PCL_FRAME_H
#define PCL_FRAME_H
#include "wire/wire.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pcl_frame_kind {
    PCL_FRAME_HELLO = 1, /* the first one, from the process: who it is */
    PCL_FRAME_CALL,      /* to it: number says which (wire/calls.h) */
    PCL_FRAME_REPLY,     /* the call is done: its results */
    PCL_FRAME_ERROR,     /* or has failed: a pclean_err */
    PCL_FRAME_LOG,       /* at any time: a line, number is its level */
    PCL_FRAME_USAGE      /* at any time: a pcl_frame_usage */
};

/* What the process has used so far; memory: what nothing can evict, now and at its largest since it
 * was told last. */
typedef struct pcl_frame_usage {
    double cpu_seconds;
    uint64_t read_bytes, now_bytes, peak_bytes, address_bytes, data_bytes;
} pcl_frame_usage;

typedef struct pcl_frame {
    uint32_t magic, kind, number, spare;
    uint64_t size; /* of the body */
} pcl_frame;

/* Bytes that a body may have: more is not a message but damage. */
#define PCL_FRAME_LARGEST ((uint64_t)1 << 33)

/* false: the line has ended or broken. pass: a file descriptor that goes along; -1: none. */
bool pcl_frame_send(int fd, enum pcl_frame_kind kind, uint32_t number, const void *body,
                    size_t size, int pass);

enum pcl_frame_got {
    PCL_FRAME_OK,
    PCL_FRAME_ENDED, /* the other side is gone, or what came is no message */
    PCL_FRAME_LATE,  /* nothing came in time */
    PCL_FRAME_NO_MEMORY
};

/* The next message; its body replaces that of `body`. limit_s: to wait for it to begin and for each
 * part of it; 0: any time. *passed: a descriptor that came along, to be closed; -1: none. NULL:
 * such a one is closed. */
enum pcl_frame_got pcl_frame_receive(int fd, double limit_s, pcl_frame *head, pcl_wire *body,
                                     int *passed);

#endif
