/* The lines of a stream, in order; what counts as a command. */
#include "pclean/stream.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "unit/check.h"

static pclean_err err;
static int lines[2], commands[2]; /* pipes */
static FILE *reader;

static pclean_stream *begin(bool with_commands) {
    pclean_stream *s = NULL;
    pclean_stream_options o;
    assert_int_equal(pipe(lines), 0);
    assert_int_equal(pipe(commands), 0);
    reader = fdopen(lines[0], "r");
    pclean_stream_options_init(&o, sizeof o);
    o.command = "test";
    o.commands_fd = with_commands ? commands[0] : -1;
    assert_ok(pclean_stream_new(lines[1], &o, &s, &err));
    return s;
}

static void end(pclean_stream *s) {
    pclean_stream_free(s);
    fclose(reader);
    close(lines[1]);
    close(commands[0]);
    close(commands[1]);
}

/* The next line, which has to be of this event. */
static json_t *expect(const char *event) {
    char line[4096];
    assert_non_null(fgets(line, sizeof line, reader));
    json_t *o = json_loads(line, 0, NULL);
    assert_non_null(o);
    assert_string_equal(json_string_value(json_object_get(o, "event")), event);
    return o;
}

static void expect_text(const char *event, const char *key, const char *text) {
    json_t *o = expect(event);
    const char *found = json_string_value(json_object_get(o, key));
    assert_non_null(found);
    assert_non_null(strstr(found, text));
    json_decref(o);
}

static void lines_come_in_order(void **state) {
    (void)state;
    pclean_stream *s = begin(false);
    const pclean_hooks *hooks = pclean_stream_hooks(s);
    const pclean_plane plane = {.chan = 3, .freq_hz = 1.0 / 3, .stop = PCLEAN_STOP_NITER};
    pclean_progress p = {.stage = "image", .unit = "planes", .remaining_s = -1, .total = 9};
    json_t *o = expect("start");
    assert_int_equal(json_integer_value(json_object_get(o, "version")), PCLEAN_STREAM_VERSION);
    assert_string_equal(json_string_value(json_object_get(o, "command")), "test");
    json_decref(o);

    hooks->progress(&p, hooks->user);
    o = expect("progress");
    assert_true(json_is_null(json_object_get(o, "remaining_s")));
    assert_null(json_object_get(o, "plane"));
    json_decref(o);
    for (p.done = 1; p.done < 9; p.done++)
        hooks->progress(&p, hooks->user); /* too soon: not written */
    p.plane = &plane;
    hooks->progress(&p, hooks->user);
    o = expect("progress");
    assert_int_equal(json_integer_value(json_object_get(o, "done")), 9);
    assert_int_equal(json_integer_value(json_object_get(json_object_get(o, "plane"), "stop")), 1);
    json_decref(o);
    o = expect("plane");
    assert_true(json_real_value(json_object_get(o, "freq_hz")) == plane.freq_hz);
    assert_int_equal(json_integer_value(json_object_get(o, "stopcode")), 1);
    assert_string_equal(json_string_value(json_object_get(o, "stop")), "iteration limit");
    json_decref(o);

    const pclean_cycle cycle = {.chan = 3, .icycle = 2, .iter_done = 40, .cycle_thresh = 0.25f};
    hooks->cycle(&cycle, hooks->user);
    o = expect("cycle");
    assert_int_equal(json_integer_value(json_object_get(o, "chan")), 3);
    assert_int_equal(json_integer_value(json_object_get(o, "icycle")), 2);
    assert_int_equal(json_integer_value(json_object_get(o, "iter_done")), 40);
    assert_true(json_real_value(json_object_get(o, "cycle_thresh")) == 0.25);
    json_decref(o);

    hooks->log(PCLEAN_LEVEL_DEBUG, "not wanted", hooks->user);
    hooks->log(PCLEAN_LEVEL_WARNING, "a \"warning\"\n", hooks->user);
    o = expect("log");
    assert_string_equal(json_string_value(json_object_get(o, "level")), "warning");
    assert_string_equal(json_string_value(json_object_get(o, "text")), "a \"warning\"\n");
    json_decref(o);

    pclean_stream_result(s, "not JSON");
    pclean_stream_result(s, "{\"a\": [1]}");
    o = expect("result");
    assert_int_equal(json_array_size(json_object_get(json_object_get(o, "result"), "a")), 1);
    json_decref(o);
    const pclean_err failure = {.code = PCLEAN_EDATA, .msg = "no data"};
    pclean_stream_end(s, 1, &failure);
    expect_text("error", "name", "data");
    expect_text("end", "error", "no data");
    end(s);
}

static void tell(const char *text) {
    assert_int_equal(write(commands[1], text, strlen(text)), strlen(text));
}

static int asked(pclean_stream *s) {
    usleep(60000); /* the stream looks every 50 ms */
    const pclean_hooks *hooks = pclean_stream_hooks(s);
    return hooks->stop_requested(hooks->user);
}

static void a_command_stops_and_nothing_else_does(void **state) {
    (void)state;
    char long_line[3000];
    memset(long_line, 'x', sizeof long_line - 2);
    strcpy(long_line + sizeof long_line - 2, "\n");
    pclean_stream *s = begin(true);
    json_decref(expect("start"));
    assert_int_equal(asked(s), 0);
    tell("stop\n{\"command\":\"go\"}\n\n[]\n{\"command\":\"st");
    assert_int_equal(asked(s), 0);
    for (int i = 0; i < 3; i++)
        expect_text("log", "text", "not a command");
    tell("ep\"}\n");
    tell(long_line);
    assert_int_equal(asked(s), 0);
    for (int i = 0; i < 2; i++)
        expect_text("log", "text", "not a command");
    tell("{\"command\": \"stop\", \"why\": 1}\n");
    assert_int_equal(asked(s), 1);
    expect_text("log", "text", "stop: asked for");
    assert_int_equal(asked(s), 1);
    end(s);
}

static void a_closed_line_is_no_command(void **state) {
    (void)state;
    pclean_stream *s = begin(true);
    json_decref(expect("start"));
    close(commands[1]);
    for (int i = 0; i < 3; i++)
        assert_int_equal(asked(s), 0);
    pclean_stream_end(s, 0, NULL);
    json_t *o = expect("end");
    assert_true(json_is_null(json_object_get(o, "error")));
    json_decref(o);
    end(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_in_order),
        cmocka_unit_test(a_command_stops_and_nothing_else_does),
        cmocka_unit_test(a_closed_line_is_no_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
