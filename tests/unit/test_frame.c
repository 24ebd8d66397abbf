/* wire/frame.c: messages arrive whole, with a descriptor where one goes along; an end, a silence
 * and noise are told apart. */
#include "unit/check.h"
#include "wire/frame.h"
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int line[2];

static int set_up(void **state) {
    (void)state;
    return socketpair(AF_UNIX, SOCK_STREAM, 0, line);
}

static int tear_down(void **state) {
    (void)state;
    close(line[0]);
    close(line[1]);
    return 0;
}

enum { LARGE = 3000000 };

static void *send_large(void *body) {
    const bool sent = pcl_frame_send(line[0], PCL_FRAME_CALL, 7, body, LARGE, -1);
    return sent ? body : NULL;
}

static void a_large_message_arrives_whole(void **state) {
    (void)state;
    unsigned char *body = malloc(LARGE);
    pcl_wire got = {0};
    pcl_frame head;
    pthread_t thread;
    void *sent;
    assert_non_null(body);
    for (size_t i = 0; i < LARGE; i++)
        body[i] = (unsigned char)(i * 31 + i / 256);
    assert_int_equal(pthread_create(&thread, NULL, send_large, body), 0);
    assert_int_equal(pcl_frame_receive(line[1], 10, &head, &got, NULL), PCL_FRAME_OK);
    pthread_join(thread, &sent);
    assert_non_null(sent);
    assert_int_equal(head.kind, PCL_FRAME_CALL);
    assert_int_equal(head.number, 7);
    assert_int_equal(got.n, LARGE);
    assert_memory_equal(got.data, body, LARGE);
    pcl_wire_clear(&got);
    free(body);
}

static void a_descriptor_goes_along(void **state) {
    (void)state;
    int pipe_ends[2], passed;
    char byte = 0;
    pcl_wire got = {0};
    pcl_frame head;
    assert_int_equal(pipe(pipe_ends), 0);
    assert_true(pcl_frame_send(line[0], PCL_FRAME_REPLY, 0, "x", 1, pipe_ends[0]));
    assert_int_equal(pcl_frame_receive(line[1], 10, &head, &got, &passed), PCL_FRAME_OK);
    assert_true(passed >= 0);
    close(pipe_ends[0]);
    assert_int_equal(write(pipe_ends[1], "y", 1), 1);
    assert_int_equal(read(passed, &byte, 1), 1);
    assert_int_equal(byte, 'y');
    close(passed);
    close(pipe_ends[1]);
    pcl_wire_clear(&got);
}

static void ends_silence_and_noise(void **state) {
    (void)state;
    pcl_wire got = {0};
    pcl_frame head, noise = {.magic = 1, .size = 3};
    assert_int_equal(pcl_frame_receive(line[1], 0.05, &head, &got, NULL), PCL_FRAME_LATE);
    assert_int_equal(write(line[0], &noise, sizeof noise), sizeof noise);
    assert_int_equal(pcl_frame_receive(line[1], 1, &head, &got, NULL), PCL_FRAME_ENDED);
    /* the head of a message whose body never comes */
    assert_true(pcl_frame_send(line[0], PCL_FRAME_REPLY, 0, "abc", 3, -1));
    char part[sizeof(pcl_frame) + 1];
    assert_int_equal(read(line[1], part, sizeof part), sizeof part);
    int other[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, other), 0);
    assert_int_equal(write(other[0], part, sizeof part), sizeof part);
    close(other[0]);
    assert_int_equal(pcl_frame_receive(other[1], 1, &head, &got, NULL), PCL_FRAME_ENDED);
    close(other[1]);
    pcl_wire_clear(&got);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_large_message_arrives_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_descriptor_goes_along, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ends_silence_and_noise, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
