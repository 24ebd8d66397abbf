#include "base/err.h"
#include "config/options.h"
#include <stdio.h>
#include <string.h>

static const char *type_name(const struct pcl_option *o) {
    switch (o->type) {
    case PCL_TEXT:
        return "text";
    case PCL_WORD:
    case PCL_CHOICE:
        return "choice";
    case PCL_TEXTLIST:
        return "list of texts";
    case PCL_PERMS:
    case PCL_WHOLES:
        return "text, or list of texts";
    case PCL_INT:
        return "whole number";
    case PCL_INTPAIR:
        return "one or two whole numbers";
    case PCL_REAL:
        return "number";
    case PCL_BOOL:
        return "true or false";
    case PCL_ANGLEPAIR:
        return "one or two angles";
    case PCL_FLUX:
        return "flux density";
    }
    return "";
}

/* Words of `text` from column `*column` on, lines of at most `width`, the next ones indented. A
 * line has at least one word, however narrow the terminal. */
static void print_wrapped(FILE *out, const char *text, int width, int indent, int *column) {
    bool first = true;
    while (*text) {
        int n = (int)strcspn(text, " ");
        if (!first && *column + 1 + n > width) {
            fprintf(out, "\n%*s", indent, "");
            *column = indent;
        } else if (!first) {
            fputc(' ', out);
            ++*column;
        }
        fprintf(out, "%.*s", n, text);
        *column += n;
        first = false;
        text += n;
        text += strspn(text, " ");
    }
}

static void print_paragraph(FILE *out, const char *text, int width, int indent) {
    int column = fprintf(out, "%*s", indent, "");
    print_wrapped(out, text, width, indent, &column);
    fputc('\n', out);
}

static void print_option(FILE *out, const struct pcl_option *o, int width) {
    char line[600], choices[420];
    fprintf(out, "\n  --%s\n", o->name);
    print_paragraph(out, o->help, width, 6);
    snprintf(line, sizeof line, "%s; default %s%s%s", type_name(o), o->def[0] ? o->def : "\"\"",
             o->unit ? "; unit: " : "", o->unit ? o->unit : "");
    print_paragraph(out, line, width, 6);
    if (o->choices) {
        pcl_words_join(o->choices, choices, sizeof choices);
        snprintf(line, sizeof line, "choices: %s", choices);
        print_paragraph(out, line, width, 6);
    }
}

static int finish(FILE *out, pclean_err *err) {
    if (ferror(out))
        return PCL_FAIL(err, PCLEAN_EIO, "cannot write the help text");
    return 0;
}

int pclean_config_print_help(FILE *out, int width, pclean_err *err) {
    PCL_REQUIRE(err, out);
    for (size_t g = 0; g < pcl_group_count(); g++) {
        fprintf(out, "%sGroup %s:\n", g ? "\n" : "", pcl_group_name(g));
        for (size_t i = 0; i < pcl_option_count(); i++)
            if (strcmp(pcl_option_at(i)->group, pcl_group_name(g)) == 0)
                print_option(out, pcl_option_at(i), width < 40 ? 40 : width);
    }
    return finish(out, err);
}

/* What Markdown would take for markup. */
static void print_escaped(FILE *out, const char *s) {
    for (; *s; s++) {
        if (strchr("|*_<>[]`\\", *s))
            fputc('\\', out);
        fputc(*s, out);
    }
}

static void print_row(FILE *out, const struct pcl_option *o) {
    char choices[420];
    pcl_words_join(o->choices, choices, sizeof choices);
    fprintf(out, "| `%s` | %s | %s%s%s | ", o->name, type_name(o), o->def[0] ? "`" : "", o->def,
            o->def[0] ? "`" : "");
    print_escaped(out, o->unit ? o->unit : "");
    fputs(" | ", out);
    print_escaped(out, choices);
    fputs(" | ", out);
    print_escaped(out, o->help);
    fputs(" |\n", out);
}

int pclean_config_print_markdown(FILE *out, pclean_err *err) {
    PCL_REQUIRE(err, out);
    fputs("# Parameters\n\n"
          "Generated from the table in `src/config/options.c` by `tools/make-docs`: change it "
          "there.\n\n"
          "A parameter file is YAML, the parameters indented below their group or flat at the top "
          "level; "
          "`preset: NAME` at the top level\nis applied first. On the command line each is a flag: "
          "`--name value` or "
          "`--name=value`; a list is written `a,b`,\n"
          "or as Python and CASA write it: `\"['a', 'b']\"`, `\"(64, 64)\"`; in YAML `[a, b]`. "
          "Paths may have commas: what exists under the whole text is "
          "one path.\nA text with commas that is no path and no list of its parameter (`spw`, "
          "`field` ...) stays whole.\n",
          out);
    for (size_t g = 0; g < pcl_group_count(); g++) {
        fprintf(out,
                "\n## %s\n\n| parameter | type | default | unit | choices | meaning "
                "|\n|---|---|---|---|---|---|\n",
                pcl_group_name(g));
        for (size_t i = 0; i < pcl_option_count(); i++)
            if (strcmp(pcl_option_at(i)->group, pcl_group_name(g)) == 0)
                print_row(out, pcl_option_at(i));
    }
    return finish(out, err);
}
