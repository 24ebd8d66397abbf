/* line.h: the process that has casacore (`pclean-casa`), and calls of it. Each thread has a process
 * of its own, started by the first call and ended by casa_end (casa.h); so a program's threads do
 * not meet in casacore, and whatever casacore breaks is another process.
 *
 * A process that dies fails the call that it was at, with a sentence that says what it did, on
 * which path, how it died and what that usually means. Where the call only reads, or makes its
 * output anew, another process does it once more first; what was open is opened again there. */
#ifndef PCL_LINE_H
#define PCL_LINE_H
#include "base/err.h"
#include "wire/calls.h"
#include "wire/wire.h"

/* What is open in the process: found there by a number, which is another one after a death. */
typedef struct pcl_handle {
    enum pcl_call open, close;
    const char *path; /* for sentences; borrowed */
    pcl_wire request; /* what it was opened with */
    pcl_wire reply;   /* what opening told; stays as it was first */
    uint64_t id, generation;
} pcl_handle;

typedef struct pcl_line_job {
    enum pcl_call call;
    const char *doing; /* "opening", "reading the rows of": in front of the path in a sentence */
    const char *path;
    double limit_s;            /* that it may take; 0: any time */
    bool repeat;               /* by another process after a death */
    bool makes;                /* it makes `path` anew: what a death leaves is removed */
    pcl_handle *const *handle; /* [nhandle] whose numbers the request begins with: room is left */
    size_t nhandle;
    bool counted; /* behind how many they are */
    pcl_wire *request, *reply;
    bool *died;  /* whether it failed because the process died; NULL: not asked */
    int *passed; /* a descriptor that came with the reply; NULL: none is expected */
} pcl_line_job;

/* Seconds for what only reads headers: slow network disks need some. */
#ifndef PCL_LINE_LIMIT_S
#define PCL_LINE_LIMIT_S 300
#endif

/* Puts room for the number of a handle at the beginning of a request. */
void pcl_line_put_handle(pcl_wire *request);

/* The call from beginning to end. -PCLEAN_E... as the function in the other process returned it;
 * the job's reply is then undefined. A reply that ends too early is found by the caller
 * (pcl_line_read_all). */
int pcl_line_call(const pcl_line_job *job, pclean_err *err) PCL_CHECK;

/* 0 if the reply has been read without going beyond its end. */
int pcl_line_check(const pcl_line_job *job, pclean_err *err) PCL_CHECK;

/* Opens it: handle->request is sent, handle->reply filled. */
int pcl_line_open(pcl_handle *handle, const char *doing, pclean_err *err) PCL_CHECK;
/* Where its process still lives it is closed there. */
void pcl_line_close(pcl_handle *handle);

/* A call that is sent now and whose reply is wanted later (pcl_line_finish); others may be made
 * in between. One at a time: a second one is done before it is sent. */
typedef struct pcl_ahead {
    pcl_wire request, reply;
    int passed;
    const char *doing, *path; /* for sentences; borrowed */
    int status;               /* of the call, once pcl_line_finish has returned; its failure: */
    pclean_err err;
    bool sent, arrived;
} pcl_ahead;
/* Sends nothing where it cannot; pcl_line_finish then says so by false. The numbers of the
 * handles are in the request already. */
void pcl_line_begin(pcl_ahead *ahead, enum pcl_call call);
/* Waits for it. true: it is answered, ahead->status says how; false: the answer is lost, and
 * ahead->status says how the process died, 0 where it was ended on purpose. */
bool pcl_line_finish(pcl_ahead *ahead);
/* Forgets it. */
void pcl_line_drop(pcl_ahead *ahead);

/* The number of the handle where it is open now; it is opened again first if its process has
 * died. */
int pcl_line_find(pcl_handle *handle, uint64_t *id, pclean_err *err) PCL_CHECK;

/* What the process told when it began: the version of casacore, the file of its library of tables,
 * the folder of the storage manager Adios2StMan. "": there is no process. */
enum pcl_line_fact { PCL_LINE_CASACORE, PCL_LINE_LIBRARY, PCL_LINE_ADIOS2_FOLDER, PCL_LINE_NFACT };
const char *pcl_line_fact(enum pcl_line_fact fact);

#endif
