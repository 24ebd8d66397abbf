#include "data/stokes.h"

#include <string.h>
#include <strings.h>

static const char *const names[] = {"",   "I",  "Q",  "U",  "V",  "RR", "RL",
                                    "LR", "LL", "XX", "XY", "YX", "YY"};

int pcl_stokes_parse(const char *text, pcl_stokes *out, pclean_err *err) {
    *out = (pcl_stokes){.sumwt_factor = 1};
    if (strcasecmp(text, "pseudoI") == 0) {
        *out =
            (pcl_stokes){.npol = 1, .code = {PCL_STOKES_I}, .either_hand = true, .sumwt_factor = 2};
        return 0;
    }
    for (const char *p = text; *p;) {
        int found = 0;
        for (int code = PCL_STOKES_YY; code > 0 && !found; code--)
            if (strncasecmp(p, names[code], strlen(names[code])) == 0)
                found = code;
        if (!found || out->npol == 4)
            return PCL_FAIL(err, PCLEAN_EPARAM,
                            "stokes=\"%s\" is not a list of I, Q, U, V or of correlations such as "
                            "RR, XX, RRLL, or pseudoI",
                            text);
        for (size_t k = 0; k < out->npol; k++)
            if (out->code[k] == found)
                return PCL_FAIL(err, PCLEAN_EPARAM, "stokes=\"%s\" names %s twice", text,
                                names[found]);
        out->code[out->npol++] = found;
        p += strlen(names[found]);
    }
    if (out->npol == 0)
        return PCL_FAIL(err, PCLEAN_EPARAM, "stokes is empty; give I, IQUV, RR, XX ...");
    if (out->npol == 1 && out->code[0] == PCL_STOKES_I)
        out->sumwt_factor = 2;
    return 0;
}

/* Index of a correlation, or ncorr. */
static size_t find(size_t ncorr, const int *corr, int code) {
    size_t i = 0;
    while (i < ncorr && corr[i] != code)
        i++;
    return i;
}

/* value = scale * (a + sign * b) */
struct recipe {
    int plane, a, b;
    float re_a, im_a, re_b, im_b;
};
static const struct recipe recipes[] = {
    /* circular feeds: I = (RR + LL)/2, Q = (RL + LR)/2, U = (RL - LR)/2i, V = (RR - LL)/2 */
    {PCL_STOKES_I, PCL_STOKES_RR, PCL_STOKES_LL, 0.5f, 0, 0.5f, 0},
    {PCL_STOKES_Q, PCL_STOKES_RL, PCL_STOKES_LR, 0.5f, 0, 0.5f, 0},
    {PCL_STOKES_U, PCL_STOKES_RL, PCL_STOKES_LR, 0, -0.5f, 0, 0.5f},
    {PCL_STOKES_V, PCL_STOKES_RR, PCL_STOKES_LL, 0.5f, 0, -0.5f, 0},
    /* linear feeds: I = (XX + YY)/2, Q = (XX - YY)/2, U = (XY + YX)/2, V = (XY - YX)/2i */
    {PCL_STOKES_I, PCL_STOKES_XX, PCL_STOKES_YY, 0.5f, 0, 0.5f, 0},
    {PCL_STOKES_Q, PCL_STOKES_XX, PCL_STOKES_YY, 0.5f, 0, -0.5f, 0},
    {PCL_STOKES_U, PCL_STOKES_XY, PCL_STOKES_YX, 0.5f, 0, 0.5f, 0},
    {PCL_STOKES_V, PCL_STOKES_XY, PCL_STOKES_YX, 0, -0.5f, 0, 0.5f},
};

bool pcl_stokes_is_polarized(int code) {
    return code == PCL_STOKES_Q || code == PCL_STOKES_U || code == PCL_STOKES_V;
}

const char *pcl_stokes_name(int code) {
    return code > 0 && code <= PCL_STOKES_YY ? names[code] : "?";
}

const char *pcl_stokes_asked(const pcl_stokes *stokes, size_t ipol) {
    return stokes->either_hand ? "pseudoI" : pcl_stokes_name(stokes->code[ipol]);
}

void pcl_stokes_list(size_t ncorr, const int *corr, char *out, size_t size) {
    out[0] = 0;
    for (size_t i = 0; i < ncorr; i++) {
        if (i)
            strncat(out, " ", size - strlen(out) - 1);
        strncat(out, pcl_stokes_name(corr[i]), size - strlen(out) - 1);
    }
}

int pcl_stokes_refuse(const pcl_stokes *s, size_t ipol, const char *have, pclean_err *err) {
    const bool intensity = s->code[ipol] == PCL_STOKES_I && *have && !s->either_hand;
    return PCL_FAIL(err, PCLEAN_EDATA,
                    "stokes %s cannot be made from the correlations in the data (%s)%s",
                    pcl_stokes_asked(s, ipol), have,
                    intensity ? ": it needs both hands in one row, RR and LL or XX and YY; ask for "
                                "one of them, or for pseudoI, which takes either"
                              : "");
}

int pcl_stokes_find_terms(const pcl_stokes *s, size_t ipol, size_t ncorr, const int *corr,
                          pcl_stokes_terms *out, pclean_err *err) {
    const int plane = s->code[ipol];
    *out = (pcl_stokes_terms){.either = s->either_hand};
    const size_t same = find(ncorr, corr, plane);
    if (same < ncorr) { /* a correlation itself, or data stored as Stokes parameters */
        out->n = 1;
        out->index[0] = same;
        out->re[0] = 1;
        return 0;
    }
    for (size_t k = 0; k < sizeof recipes / sizeof *recipes; k++) {
        const struct recipe *r = &recipes[k];
        if (r->plane != plane)
            continue;
        const size_t a = find(ncorr, corr, r->a), b = find(ncorr, corr, r->b);
        if (a < ncorr && b < ncorr) {
            out->n = 2;
            out->index[0] = a;
            out->re[0] = r->re_a;
            out->im[0] = r->im_a;
            out->index[1] = b;
            out->re[1] = r->re_b;
            out->im[1] = r->im_b;
            return 0;
        }
        if (s->either_hand && (a < ncorr || b < ncorr)) { /* pseudoI from the one hand there is */
            out->n = 1;
            out->index[0] = a < ncorr ? a : b;
            out->re[0] = 0.5f;
            return 0;
        }
    }
    char have[64];
    pcl_stokes_list(ncorr, corr, have, sizeof have);
    return pcl_stokes_refuse(s, ipol, have, err);
}
