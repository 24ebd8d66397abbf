// ms_select.cpp: the selection of a MeasurementSet: expressions, and the rows and channels that
// they give.
#include "casa/ms_private.hpp"
#include "casa/spw.hpp"
#include <algorithm>
#include <casacore/ms/MSSel/MSSelection.h>
#include <cstdlib>

using namespace casacore;

namespace {

struct Expression {
    const char *name;
    std::string text;  // as it was given
    std::string meant; // what casacore is told
};

/* "-1", as a text of spw */
bool says_none(const char *spw) {
    const char *word = spw ? spw + strspn(spw, " \t") : "";
    return strncmp(word, "-1", 2) == 0 && word[2 + strspn(word + 2, " \t")] == '\0';
}

std::vector<Expression> expressions(const casa_ms_selection *sel) {
    const std::pair<const char *, const char *> all[] = {
        {"field", sel->field},
        {"spw", sel->spw},
        {"timerange", sel->timerange},
        {"uvrange", sel->uvrange},
        {"antenna", sel->antenna},
        {"scan", sel->scan},
        {"observation", sel->observation},
        {"intent", sel->intent},
        {"taql", sel->taql},
    };
    std::vector<Expression> given;
    for (const auto &one : all)
        if (one.second && one.second[strspn(one.second, " \t")] != '\0' &&
            !(one.first == all[1].first && says_none(one.second)))
            given.push_back({one.first, one.second, one.second});
    return given;
}

void set_expression(MSSelection &selection, const Expression &e) {
    const std::string name = e.name;
    if (name == "field")
        selection.setFieldExpr(e.meant);
    else if (name == "spw")
        selection.setSpwExpr(e.meant);
    else if (name == "timerange")
        selection.setTimeExpr(e.meant);
    else if (name == "uvrange")
        selection.setUvDistExpr(e.meant);
    else if (name == "antenna")
        selection.setAntennaExpr(e.meant);
    else if (name == "scan")
        selection.setScanExpr(e.meant);
    else if (name == "observation")
        selection.setObservationExpr(e.meant);
    else if (name == "taql")
        selection.setTaQLExpr(e.meant);
    else
        selection.setStateExpr(e.meant);
}

/* The rows of a selection, as a reference table (the MS itself when nothing narrows it). */
Table select_rows(const MeasurementSet &ms, MSSelection &selection) {
    const TableExprNode node = selection.toTableExprNode(&ms);
    return node.isNull() ? Table(ms) : ms(node);
}

size_t count_alone(const MeasurementSet &ms, const Expression &e) {
    MSSelection selection;
    set_expression(selection, e);
    return select_rows(ms, selection).nrow();
}

/* Says which expression throws on its own, with MSSelection's words, after all of them threw. */
int explain_refused(const MeasurementSet &ms, const std::vector<Expression> &given,
                    const std::string &message, pclean_err *err) {
    for (const Expression &e : given)
        try {
            count_alone(ms, e);
        } catch (const std::exception &x) {
            return PCL_FAIL(err, PCLEAN_EDATA, "%s=\"%s\": %s", e.name, e.text.c_str(),
                            casa_first_line(x.what()).c_str());
        }
    return PCL_FAIL(err, PCLEAN_EDATA, "the selection failed: %s", message.c_str());
}

/* Says which expression matches nothing on its own, after all of them gave no rows. */
int explain_empty(const MeasurementSet &ms, const std::vector<Expression> &given, pclean_err *err) {
    std::string all;
    for (const Expression &e : given) {
        if (count_alone(ms, e) == 0)
            return PCL_FAIL(err, PCLEAN_EDATA, "%s=\"%s\" selects no rows", e.name, e.text.c_str());
        all += (all.empty() ? "" : ", ") + ms_format("%s=\"%s\"", e.name, e.text.c_str());
    }
    return PCL_FAIL(err, PCLEAN_EDATA, "no row matches %s together (each matches some alone)",
                    all.c_str());
}

/* MSSelection's channel list: rows of (spw, first, last, step). */
void keep_channels(casa_ms &m, const Matrix<Int> &list) {
    std::map<int, std::set<int>> sets;
    for (rownr_t i = 0; i < list.nrow(); i++) {
        const int lo = std::min(list(i, 1), list(i, 2)), hi = std::max(list(i, 1), list(i, 2));
        const int step = std::max(1, std::abs(list(i, 3)));
        for (int c = lo; c <= hi; c += step)
            sets[list(i, 0)].insert(c);
    }
    for (const auto &one : sets)
        m.channels[one.first] = std::vector<int>(one.second.begin(), one.second.end());
}

/* MSSelection moves a channel number beyond the last channel to the last one ("0:100~200" gives
 * channel 62 of 63). What lies outside altogether is a mistake: plain numbers that start beyond
 * every selected window's end are refused. */
int check_channel_numbers(const casa_ms &m, const std::string &spw, pclean_err *err) {
    const ScalarColumn<Int> num_chan(m.ms.spectralWindow(), "NUM_CHAN");
    int most = 0;
    for (const auto &one : m.channels)
        most = std::max(most, num_chan(static_cast<rownr_t>(one.first)));
    bool channels = false;
    for (size_t i = 0; i < spw.size(); i++) {
        if (spw[i] == ',')
            channels = false;
        else if (spw[i] == ':')
            channels = true;
        const bool starts = spw[i] == ':' || (channels && spw[i] == ';');
        char *end;
        const char *text = spw.c_str() + i + 1;
        if ((starts || (channels && spw[i] == '~')) && text[strspn(text, " ")] == '-')
            return PCL_FAIL(
                err, PCLEAN_EDATA,
                "spw=\"%s\": a channel number is negative, for which casacore takes the "
                "first or all; leave it out for all channels",
                spw.c_str());
        if (!starts || !isdigit(text[strspn(text, " ")]))
            continue;
        // without a unit it is a channel for casacore, also with a decimal point
        const double first = strtod(text, &end);
        end += strspn(end, " ");
        // a unit would follow here
        const char *after = *end == '~' ? end + 1 + strspn(end + 1, " 0123456789.eE+-") : end;
        if (strchr(";,^", *after) == nullptr || first < most) // strchr finds the final NUL too
            continue;
        return PCL_FAIL(err, PCLEAN_EDATA,
                        "spw=\"%s\": there is no channel %.10g, the spectral windows have up to %d "
                        "channels (a frequency needs its unit, as 1.42GHz)",
                        spw.c_str(), first, most);
    }
    return 0;
}

int check_windows(const casa_ms &m, pclean_err *err) {
    std::vector<double> freq, width;
    int status = 0;
    for (rownr_t row = 0; status == 0 && row < m.ms.spectralWindow().nrow(); row++)
        status = ms_read_window(m.ms.spectralWindow(), static_cast<int>(row), freq, width, err);
    return status;
}

/* Frequencies that casacore would misread become channel numbers. */
int translate_spw(const MeasurementSet &ms, std::vector<Expression> &given, pclean_err *err) {
    for (Expression &e : given)
        try {
            if (strcmp(e.name, "spw") == 0)
                e.meant = spw_without_frequencies(ms, e.text);
        } catch (const AipsError &x) {
            return PCL_FAIL(err, PCLEAN_EDATA, "spw=\"%s\": %s", e.text.c_str(),
                            casa_first_line(x.what()).c_str());
        }
    return 0;
}

} // namespace

int ms_apply_selection(casa_ms &m, const casa_ms_selection *sel, Table *selected, pclean_err *err) {
    std::vector<Expression> given = expressions(sel);
    *selected = m.main;
    m.describe_only = says_none(sel->spw);
    if (given.empty())
        return 0;
    // MSSelection reads them without looking
    int status = sel->spw && *sel->spw ? check_windows(m, err) : 0;
    if (status)
        return status;
    const casa_held_warnings warnings;
    if ((status = translate_spw(m.ms, given, err)) != 0)
        return status;
    std::string refused;
    { // MSSelection's error handlers are static: one object at a time
        MSSelection selection;
        for (const Expression &e : given)
            set_expression(selection, e);
        try {
            *selected = select_rows(m.ms, selection);
            if (sel->spw && *sel->spw && !m.describe_only)
                keep_channels(m, selection.getChanList(nullptr, 1, True));
        } catch (const std::bad_alloc &) {
            throw;
        } catch (const std::exception &x) {
            refused = casa_first_line(x.what());
        }
    }
    if (!refused.empty())
        return explain_refused(m.ms, given, refused, err);
    if (selected->nrow() == 0)
        return explain_empty(m.ms, given, err);
    warnings.tell();
    m.whole = selected->nrow() == m.main.nrow();
    return m.channels.empty() ? 0 : check_channel_numbers(m, sel->spw, err);
}

/* ---- all selected rows ---- */

const std::vector<ms_run> &ms_selected_runs(const casa_ms &m) {
    return m.selected.empty() ? m.runs : m.selected;
}

size_t ms_count_selected(const casa_ms &m) {
    return m.info.nrow + m.info.nrow_auto;
}

const ms_run &run_of(const std::vector<ms_run> &runs, uint64_t index) {
    return *(std::upper_bound(runs.begin(), runs.end(), index,
                              [](uint64_t i, const ms_run &r) { return i < r.index; }) -
             1);
}

size_t casa_ms_selected(const casa_ms *ms, size_t *nrow_of_ms) {
    if (nrow_of_ms)
        *nrow_of_ms = ms->main.nrow();
    return ms_count_selected(*ms);
}

uint64_t casa_ms_row_number(const casa_ms *ms, size_t i) {
    const ms_run &run = run_of(ms_selected_runs(*ms), i);
    return run.row + (i - run.index);
}
