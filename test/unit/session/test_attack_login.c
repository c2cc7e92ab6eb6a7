// SPDX-License-Identifier: Apache-2.0
// Attacks on the login, with a clock that the test moves: passwords that are nearly right, ten thousand random ones,
// timing, the rate of guesses, replays, tickets, ten thousand hostile sessions around an honest update. Prints counts
// and figures.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "testing.h"

#include <malloc.h>
#include <openssl/sha.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hash_openssl.h"
#include "image_builder.h"
#include "rig.h"
#include "text.h"

#define SECOND 1000u
#define TEXT_SIZE 1024

static const ota_ws_address_t home = {{[15] = 1}};

static ota_ws_address_t address_of(uint32_t number) {
    ota_ws_address_t address = {{0xfe, 0x80}};
    for (int i = 0; i < 4; i++) {
        address.bytes[15 - i] = (uint8_t)(number >> 8 * i);
    }
    return address;
}

// ---- a client that may be anywhere and guess anything ----

static void ask_ticket(rig_t *rig, const ota_ws_address_t *from, char ticket[OTA_WS_TICKET_TEXT_SIZE]) {
    const ota_ws_gate_request_t request = {.host = "192.168.1.7"};
    char body[OTA_WS_TICKET_BODY_SIZE];
    assert_int_equal(ota_ws_device_ticket(&rig->device, &request, from, rig->now_ms, body, sizeof body), OTA_WS_OK);
    ota_ws_text_copy(ticket, OTA_WS_TICKET_TEXT_SIZE, strstr(body, "\"ticket\":\"") + 10);
}

static peer_t *connect_from(rig_t *rig, const ota_ws_address_t *from) {
    peer_t *peer = peer_new(rig);
    peer->session->peer = *from;
    return peer;
}

static void hello(peer_t *peer, const char *ticket, const char *scram) {
    char text[2 * TEXT_SIZE];
    snprintf(text, sizeof text, "{\"type\":\"hello\",\"version\":1,\"ticket\":\"%s\"%s%s%s", ticket,
             scram != NULL ? ",\"scram\":\"" : "", scram != NULL ? scram : "", scram != NULL ? "\"" : "");
    peer_say(peer, text);
}

static const char *member(const peer_t *peer, const char *type, char value[TEXT_SIZE]) {
    const char *message = peer_received(peer, type);
    const char *at = message == NULL ? NULL : strstr(message, "\"scram\":\"");
    if (at == NULL) {
        return NULL;
    }
    ota_ws_text_copy(value, TEXT_SIZE, at + 9);
    *strchr(value, '"') = '\0';
    return value;
}

// RFC 5802's ClientProof for any password and any number of rounds; ours refuses few rounds, and some passwords.
static void prove(const char *password, const char *bare, const char *challenge, char final[TEXT_SIZE]) {
    uint8_t salt[16], salted[32], client_key[32], stored_key[32], proof[32];
    char proof_text[64];
    char auth[3 * TEXT_SIZE];
    const char *salt_text = strstr(challenge, ",s=") + 3;
    const uint32_t rounds = (uint32_t)strtoul(strstr(challenge, ",i=") + 3, NULL, 10);
    const ota_ws_hash_t *hash = &ota_ws_hash_openssl;
    ota_ws_sha256_t state;
    assert_true(ota_ws_unbase64(salt_text, strcspn(salt_text, ","), salt, sizeof salt));
    ota_ws_pbkdf2(hash, password, salt, sizeof salt, rounds, salted);
    ota_ws_hmac(hash, salted, 32, "Client Key", 10, client_key);
    hash->start(&state);
    hash->update(&state, client_key, 32);
    hash->finish(&state, stored_key);
    snprintf(final, TEXT_SIZE, "c=biws,%.*s", (int)strcspn(challenge, ","), challenge);
    snprintf(auth, sizeof auth, "%s,%s,%s", bare, challenge, final);
    ota_ws_hmac(hash, stored_key, 32, auth, strlen(auth), proof);
    for (int i = 0; i < 32; i++) {
        proof[i] ^= client_key[i];
    }
    ota_ws_base64(proof_text, proof, sizeof proof);
    strcat(final, ",p=");
    strcat(final, proof_text);
}

static void say_proof(peer_t *peer, const char *final) {
    char text[TEXT_SIZE + 64];
    snprintf(text, sizeof text, "{\"type\":\"proof\",\"scram\":\"%s\"", final);
    peer_say(peer, text);
}

static const char bare[] = "n=ota,r=0123456789abcdefghijklmn";

// Waits as long as it must; true when the guess was right.
static bool guess(rig_t *rig, const ota_ws_address_t *from, const char *password) {
    char ticket[OTA_WS_TICKET_TEXT_SIZE], first[TEXT_SIZE], challenge[TEXT_SIZE], final[TEXT_SIZE];
    rig_pass(rig, ota_ws_login_wait_ms(&rig->device.login, from, rig->now_ms));
    peer_t *peer = connect_from(rig, from);
    ask_ticket(rig, from, ticket);
    snprintf(first, sizeof first, "n,,%s", bare);
    hello(peer, ticket, first);
    assert_non_null(member(peer, "challenge", challenge));
    prove(password, bare, challenge, final);
    say_proof(peer, final);
    const bool right = peer_received(peer, "welcome") != NULL;
    assert_true(right || peer_ended(peer, "wrong_password"));
    assert_true(right || (peer_received(peer, "state") == NULL && rig->job_count == 0));
    peer_free(peer);
    return right;
}

// ---- passwords ----

static unsigned refuse_all_near(rig_t *rig, const char *password) {
    const size_t length = strlen(password);
    char text[200];
    unsigned count = 0;
    for (size_t i = 0; i < length; i++) { // the empty one, each prefix, each suffix but the whole
        snprintf(text, sizeof text, "%.*s", (int)i, password);
        assert_false(guess(rig, &home, text));
        assert_false(guess(rig, &home, password + i + 1));
        count += 2;
    }
    static const char *const additions[] = {" ", "0", "\n", "-", "K7MQ-2RTX-9WPD"};
    for (size_t i = 0; i < COUNT_OF(additions); i++) {
        snprintf(text, sizeof text, "%s%s", password, additions[i]);
        assert_false(guess(rig, &home, text));
        snprintf(text, sizeof text, "%s%s", additions[i], password);
        assert_false(guess(rig, &home, text));
        count += 2;
    }
    for (size_t i = 0; i < length; i++) {
        strcpy(text, password);
        text[i] ^= 0x01;
        assert_false(guess(rig, &home, text));
        text[i] ^= 0x21; // the other case, where there is one
        assert_false(guess(rig, &home, text));
        count += 2;
    }
    return count;
}

static void nearly_right_passwords_are_wrong(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    assert_true(guess(rig, &home, RIG_PASSWORD));
    const unsigned count = refuse_all_near(rig, RIG_PASSWORD);
    assert_true(guess(rig, &home, RIG_PASSWORD));
    printf("%u passwords that are empty, a prefix, a suffix, longer or one character off: 0 accepted\n", count);
    rig_free(rig);
}

static uint32_t next_random(uint32_t *seed) {
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

static void ten_thousand_random_passwords_are_wrong(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    static const uint8_t salt[16] = "another salt...";
    uint32_t seed = 1;
    uint64_t waited_ms = 0;
    ota_ws_verifier_make(&ota_ws_hash_openssl, RIG_PASSWORD, salt, 1, &rig->verifier); // one round: the test's time
    assert_true(guess(rig, &home, RIG_PASSWORD));
    for (int i = 0; i < 10000; i++) {
        char text[OTA_WS_PASSWORD_MAX + 1];
        const size_t length = OTA_WS_PASSWORD_MIN + next_random(&seed) % (OTA_WS_PASSWORD_MAX - OTA_WS_PASSWORD_MIN);
        for (size_t at = 0; at < length; at++) {
            text[at] = (char)(' ' + next_random(&seed) % 95);
        }
        text[length] = '\0';
        const uint32_t before_ms = rig->now_ms;
        assert_false(guess(rig, &home, text));
        waited_ms += rig->now_ms - before_ms;
    }
    rig_pass(rig, 60 * SECOND);
    assert_true(guess(rig, &home, RIG_PASSWORD));
    printf("10000 random passwords: 0 accepted; they have to wait %.1f days for that\n",
           (double)waited_ms / 86400000.0);
    assert_true(waited_ms > 10000u * SECOND);
    rig_free(rig);
}

// ---- timing ----

static unsigned calls, bytes_hashed;

static void counting_start(ota_ws_sha256_t *state) {
    calls++;
    ota_ws_hash_openssl.start(state);
}

static void counting_update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    bytes_hashed += (unsigned)length;
    ota_ws_hash_openssl.update(state, bytes, length);
}

static void counting_peek(const ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_hash_openssl.peek(state, digest);
}

static void counting_finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    ota_ws_hash_openssl.finish(state, digest);
}

static const ota_ws_hash_t counting = {counting_start, counting_update, counting_peek, counting_finish};

// A guess costs the device the same hashing, however much of password or proof is right.
static void a_wrong_guess_costs_the_same_wherever_it_differs(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    char text[64];
    unsigned wanted_calls = 0, wanted_bytes = 0;
    rig->device.ports.hash = &counting;
    for (size_t i = 0; i < strlen(RIG_PASSWORD); i++) {
        strcpy(text, RIG_PASSWORD);
        text[i] ^= 0x02; // the first i characters are right
        calls = bytes_hashed = 0;
        assert_false(guess(rig, &home, text));
        if (i == 0) {
            wanted_calls = calls;
            wanted_bytes = bytes_hashed;
        }
        assert_int_equal(calls, wanted_calls);
        assert_int_equal(bytes_hashed, wanted_bytes);
    }
    printf("a wrong guess: %u hashes over %u bytes, whatever prefix of the password is right\n", wanted_calls,
           wanted_bytes);
    rig_free(rig);
}

// Steps of the machine that a action takes; 0 when this machine does not let us count. In a child, so that each begins
// with the same memory.
static unsigned long count_steps(void (*action)(void *context), void *context) {
    int status;
    unsigned long steps = 0;
    const pid_t child = fork();
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) {
            _exit(2);
        }
        raise(SIGSTOP);
        action(context);
        raise(SIGSTOP);
        _exit(0);
    }
    if (waitpid(child, &status, 0) != child || !WIFSTOPPED(status)) {
        return 0;
    }
    do {
        steps++;
        if (ptrace(PTRACE_SINGLESTEP, child, NULL, NULL) != 0 || waitpid(child, &status, 0) != child) {
            return 0;
        }
    } while (WIFSTOPPED(status) && WSTOPSIG(status) == SIGTRAP);
    kill(child, SIGKILL);
    ptrace(PTRACE_CONT, child, NULL, SIGKILL);
    waitpid(child, &status, 0);
    return steps;
}

typedef struct {
    uint8_t a[OTA_WS_SHA256_SIZE], b[OTA_WS_SHA256_SIZE];
    bool same;
} comparison_t;

static void compare(void *context) {
    comparison_t *it = context;
    it->same = ota_ws_bytes_equal(it->a, it->b, sizeof it->a);
}

static void the_comparison_takes_as_many_instructions_wherever_the_difference_is(void **state) {
    (void)state;
    comparison_t it = {.a = {1, 2, 3}, .b = {1, 2, 3}};
    const unsigned long wanted = count_steps(compare, &it);
    if (wanted == 0) {
        puts("instructions cannot be counted on this machine");
        skip();
    }
    for (size_t i = 0; i < sizeof it.a; i++) {
        it.b[i] ^= 0x80;
        assert_int_equal(count_steps(compare, &it), wanted);
        it.b[i] ^= 0x80;
    }
    printf("the comparison: %lu instructions between two stops, for all 33 places of the first difference\n", wanted);
}

// Hashing that allocates nothing: what an allocator does is no business of ours.
static void plain_start(ota_ws_sha256_t *state) {
    SHA256_Init((SHA256_CTX *)state->opaque);
}

static void plain_update(ota_ws_sha256_t *state, const void *bytes, size_t length) {
    SHA256_Update((SHA256_CTX *)state->opaque, bytes, length);
}

static void plain_finish(ota_ws_sha256_t *state, uint8_t digest[OTA_WS_SHA256_SIZE]) {
    SHA256_Final(digest, (SHA256_CTX *)state->opaque);
}

_Static_assert(sizeof(SHA256_CTX) <= sizeof(ota_ws_sha256_t), "OpenSSL's state fits");
static const ota_ws_hash_t plain = {.start = plain_start, .update = plain_update, .finish = plain_finish};

// One guess at a device: everything between its proof and the answer.
typedef struct {
    ota_ws_verifier_t verifier;
    ota_ws_scram_t scram;
    char final[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_status_t status;
} trial_t;

static void judge(void *context) {
    trial_t *trial = context;
    char reply[OTA_WS_SCRAM_MESSAGE_SIZE];
    ota_ws_session_keys_t keys;
    trial->status = ota_ws_scram_verify(&trial->scram, &trial->verifier, &plain, trial->final, reply, &keys);
}

// The guess stays, to the byte; the device's password has more and more of its beginning.
static void guess_at(const char *password, trial_t *trial) {
    static const uint8_t salt[OTA_WS_SCRAM_SALT_SIZE] = "the salt of all";
    static const uint8_t random[18] = "a nonce of a side";
    char first[OTA_WS_SCRAM_MESSAGE_SIZE], challenge[OTA_WS_SCRAM_MESSAGE_SIZE];
    uint8_t signature[OTA_WS_SHA256_SIZE];
    ota_ws_session_keys_t keys;
    ota_ws_scram_t client;
    ota_ws_verifier_make(&ota_ws_hash_openssl, password, salt, OTA_WS_SCRAM_ITERATIONS, &trial->verifier);
    ota_ws_scram_client_first(&client, random, first);
    assert_int_equal(ota_ws_scram_challenge(&trial->scram, &trial->verifier, first, random, challenge), OTA_WS_OK);
    assert_int_equal(ota_ws_scram_client_final(&client, &ota_ws_hash_openssl, RIG_PASSWORD, challenge, trial->final,
                                               &keys, signature),
                     OTA_WS_OK);
}

static void a_wrong_guess_takes_as_many_instructions_whatever_prefix_is_right(void **state) {
    (void)state;
    unsigned long wanted = 0;
    trial_t trial;
    for (size_t i = 0; i < strlen(RIG_PASSWORD); i += i < 3 ? 1 : 5) { // up to all but the last
        char password[] = RIG_PASSWORD;
        memset(password + i, '+', strlen(password) - i);
        guess_at(password, &trial);
        judge(&trial); // once before: what is linked at its first call is
        assert_int_equal(trial.status, OTA_WS_WRONG_PASSWORD);
        guess_at(password, &trial);
        const unsigned long steps = count_steps(judge, &trial);
        if (steps == 0) {
            puts("instructions cannot be counted on this machine");
            skip();
        }
        wanted = i == 0 ? steps : wanted;
        assert_int_equal(steps, wanted);
    }
    printf("from a wrong proof to its answer: %lu instructions, with 0 to %zu characters of the password right\n",
           wanted, strlen(RIG_PASSWORD) - 1);
}

// ---- the rate of guesses ----

typedef struct {
    const char *name;
    uint32_t addresses; // 0: a new one for each guess
} crowd_t;

static void init_login(ota_ws_login_t *login) {
    static const uint8_t random[OTA_WS_LOGIN_KEY_SIZE] = "a key that nobody knows, not you";
    ota_ws_login_init(login, &ota_ws_hash_openssl, random);
}

// All of them try whenever they may; how many guesses is that? The first `count` addresses, or a new one each time.
static uint32_t guess_all(ota_ws_login_t *login, uint32_t count, uint32_t *fresh, uint32_t now_ms) {
    uint32_t guesses = 0;
    for (uint32_t i = 0; i < (count == 0 ? 1 : count); i++) {
        const ota_ws_address_t from = address_of(count == 0 ? *fresh : i);
        if (ota_ws_login_wait_ms(login, &from, now_ms) == 0) {
            ota_ws_login_failed(login, &from, now_ms);
            guesses++;
            ++*fresh;
        }
    }
    return guesses;
}

// An attacker with so many addresses tries whenever he may, for a day; how long may others be held up?
static void besiege(const crowd_t *crowd) {
    ota_ws_login_t login;
    const ota_ws_address_t owner = address_of(1000000), newcomer = address_of(1000001);
    uint32_t guesses = 0, owner_ms = 0, newcomer_ms = 0;
    uint32_t fresh = 2000000;
    init_login(&login);
    ota_ws_login_succeeded(&login, &owner, 0);
    for (uint32_t now_ms = 0; now_ms < 86400 * SECOND; now_ms += 500) {
        guesses += guess_all(&login, crowd->addresses, &fresh, now_ms);
        const uint32_t a = ota_ws_login_wait_ms(&login, &owner, now_ms);
        const uint32_t b = ota_ws_login_wait_ms(&login, &newcomer, now_ms);
        owner_ms = a > owner_ms ? a : owner_ms;
        newcomer_ms = b > newcomer_ms ? b : newcomer_ms;
    }
    printf("%-30s %6u guesses a day (one in %5.1f s); an owner waits %u s, at a new address %u s at most\n",
           crowd->name, guesses, 86400.0 / guesses, owner_ms / SECOND, newcomer_ms / SECOND);
    assert_true(guesses <= 86400 + 60);
    assert_int_equal(owner_ms, 0);
    assert_true(newcomer_ms <= 60 * SECOND);
    assert_true(crowd->addresses == 0 || crowd->addresses > 56 || newcomer_ms == 0);
}

static void guesses_are_at_most_one_a_second(void **state) {
    (void)state;
    static const crowd_t crowds[] = {{"one address:", 1},
                                     {"eight addresses:", 8},
                                     {"fifty addresses:", 50},
                                     {"a hundred addresses:", 100},
                                     {"a new address for each guess:", 0}};
    for (size_t i = 0; i < COUNT_OF(crowds); i++) {
        besiege(&crowds[i]);
    }
}

// Fifty addresses that guess whenever they may, and always come first, against an owner who has mistyped once. He comes
// again when the device has said. Counted from when he has waited for his own mistake; the fifty have begun with him,
// or up to ten minutes before.
static void an_owner_who_has_mistyped_gets_in_among_fifty_guessers(void **state) {
    (void)state;
    ota_ws_login_t login;
    const ota_ws_address_t owner = address_of(1000001);
    uint32_t worst_ms = 0, fresh = 0;
    for (uint32_t arrival_s = 0; arrival_s <= 600; arrival_s += 20) {
        init_login(&login);
        uint32_t now_ms = 0;
        for (; now_ms < arrival_s * SECOND; now_ms += 500) {
            guess_all(&login, 50, &fresh, now_ms);
        }
        guess_all(&login, 50, &fresh, now_ms);
        ota_ws_login_failed(&login, &owner, now_ms);
        uint32_t wait_ms = SECOND;
        const uint32_t since_ms = now_ms + wait_ms;
        for (; wait_ms > 0; wait_ms = ota_ws_login_wait_ms(&login, &owner, now_ms)) {
            for (const uint32_t again_ms = now_ms + wait_ms; now_ms < again_ms; now_ms += 10) {
                guess_all(&login, 50, &fresh, now_ms + 10);
            }
        }
        worst_ms = now_ms - since_ms > worst_ms ? now_ms - since_ms : worst_ms;
    }
    printf(
        "an owner at a new address who has mistyped once, among fifty who guess without pause: in after %.1f s more\n",
        worst_ms / 1000.0);
    assert_int_equal(worst_ms, 0);
}

// Fifty attackers at new addresses always come first, and hold the one login as long as they may: the owner's
// first login ever waits for each of them once.
static void fifty_attackers_who_stall_keep_an_owner_out_for_a_minute_at_most(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    char first[TEXT_SIZE], ticket[OTA_WS_TICKET_TEXT_SIZE];
    const ota_ws_address_t owner = address_of(1000001);
    peer_t *attackers[50];
    peer_t *peer = NULL;
    const uint32_t since_ms = rig->now_ms;
    unsigned refusals = 0;
    snprintf(first, sizeof first, "n,,%s", bare);
    for (uint32_t i = 0; i < COUNT_OF(attackers); i++) {
        const ota_ws_address_t from = address_of(i);
        attackers[i] = connect_from(rig, &from);
        ask_ticket(rig, &from, ticket);
        hello(attackers[i], ticket, first);
        while (peer_received(attackers[i], "challenge") == NULL) { // the one before him still sits there
            peer_free(attackers[i]);
            peer = connect_from(rig, &owner);
            ask_ticket(rig, &owner, ticket);
            hello(peer, ticket, first);
            refusals += peer_ended(peer, "login_busy");
            peer_free(peer);
            rig_pass(rig, 100);
            attackers[i] = connect_from(rig, &from);
            ask_ticket(rig, &from, ticket);
            hello(attackers[i], ticket, first);
        }
    }
    peer = connect_from(rig, &owner);
    for (ask_ticket(rig, &owner, ticket); peer_received(peer, "challenge") == NULL; ask_ticket(rig, &owner, ticket)) {
        peer_free(peer);
        rig_pass(rig, 100);
        peer = connect_from(rig, &owner);
        ask_ticket(rig, &owner, ticket);
        hello(peer, ticket, first);
    }
    printf("fifty attackers who stall the login one after the other: the owner's first login begins after %.1f s, %u"
           " times refused\n",
           (rig->now_ms - since_ms) / 1000.0, refusals);
    assert_true(rig->now_ms - since_ms <= 60 * SECOND);
    peer_free(peer);
    assert_true(guess(rig, &owner, RIG_PASSWORD));
    for (size_t i = 0; i < COUNT_OF(attackers); i++) {
        peer_free(attackers[i]);
    }
    rig_free(rig);
}

// ---- replay and tickets ----

static void a_recorded_login_opens_nothing(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    char ticket[OTA_WS_TICKET_TEXT_SIZE], first[TEXT_SIZE], challenge[TEXT_SIZE], final[TEXT_SIZE];
    peer_t *honest = connect_from(rig, &home);
    ask_ticket(rig, &home, ticket);
    snprintf(first, sizeof first, "n,,%s", bare);
    hello(honest, ticket, first);
    prove(RIG_PASSWORD, bare, member(honest, "challenge", challenge), final);
    say_proof(honest, final);
    assert_non_null(peer_received(honest, "welcome"));

    peer_t *thief = connect_from(rig, &home); // the very same words, from the same address
    hello(thief, ticket, first);
    assert_true(peer_ended(thief, "bad_ticket"));
    peer_free(thief);

    thief = connect_from(rig, &home); // a ticket of his own, then the recorded proof
    ask_ticket(rig, &home, ticket);
    hello(thief, ticket, first);
    say_proof(thief, final);
    assert_true(peer_ended(thief, "bad_login"));
    assert_null(peer_received(thief, "welcome"));
    peer_free(thief);

    rig_pass(rig, SECOND);
    thief = connect_from(rig, &home); // the recorded proof under the new nonce
    ask_ticket(rig, &home, ticket);
    hello(thief, ticket, first);
    char forged[TEXT_SIZE];
    assert_non_null(member(thief, "challenge", challenge));
    snprintf(forged, sizeof forged, "c=biws,%.*s%s", (int)strcspn(challenge, ","), challenge, strstr(final, ",p="));
    say_proof(thief, forged);
    assert_true(peer_ended(thief, "wrong_password"));
    peer_free(thief);
    peer_free(honest);
    rig_free(rig);
}

// In both modes: a ticket is for one hello, for 30 s, for one address.
static void try_tickets(rig_t *rig, const char *scram) {
    const ota_ws_address_t other = address_of(7);
    char ticket[OTA_WS_TICKET_TEXT_SIZE], nobodys[] = "00000000000000000000000000000000";
    struct {
        const char *ticket;
        const ota_ws_address_t *from;
        uint32_t wait_ms;
        const char *ends;
    } uses[] = {{nobodys, &home, 0, "bad_ticket"}, {ticket, &other, 0, "bad_ticket"},    {ticket, &home, 29999, NULL},
                {ticket, &home, 0, "bad_ticket"},  {ticket, &home, 30000, "bad_ticket"}, {"", &home, 0, "bad_ticket"}};
    for (size_t i = 0; i < COUNT_OF(uses); i++) {
        if (i != 3) { // the third's ticket again
            ask_ticket(rig, &home, ticket);
        }
        rig_pass(rig, uses[i].wait_ms);
        peer_t *peer = connect_from(rig, uses[i].from);
        hello(peer, uses[i].ticket, scram);
        if (uses[i].ends != NULL) {
            assert_true(peer_ended(peer, uses[i].ends));
        } else {
            assert_non_null(peer_received(peer, scram == NULL ? "welcome" : "challenge"));
        }
        assert_true(uses[i].ends == NULL ||
                    (peer_received(peer, "welcome") == NULL && peer_received(peer, "state") == NULL));
        peer_free(peer);
    }
}

static void a_ticket_is_for_one_hello_soon_from_one_address(void **state) {
    (void)state;
    char first[TEXT_SIZE];
    snprintf(first, sizeof first, "n,,%s", bare);
    rig_t *rig = rig_new_locked();
    try_tickets(rig, first);
    rig_free(rig);
    rig = rig_new(); // the open mode
    try_tickets(rig, NULL);
    rig_free(rig);
}

// 300 addresses, one of them the owner's own (behind one NAT), ask for tickets as fast as they can.
static void a_flood_of_requests_takes_no_ticket_away(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    const ota_ws_address_t owner = address_of(7);
    char ticket[OTA_WS_TICKET_TEXT_SIZE], other[OTA_WS_TICKET_TEXT_SIZE], first[TEXT_SIZE];
    unsigned bad = 0;
    snprintf(first, sizeof first, "n,,%s", bare);
    for (uint32_t i = 0; i < 200; i++) {
        ask_ticket(rig, &owner, ticket);
        for (uint32_t j = 0; j < 300; j++) {
            const ota_ws_address_t from = address_of(j);
            ask_ticket(rig, &from, other);
        }
        rig_pass(rig, 29999);
        peer_t *peer = connect_from(rig, &owner);
        hello(peer, ticket, first);
        bad += peer_ended(peer, "bad_ticket");
        peer_free(peer);
    }
    printf("60000 requests of 300 addresses for a ticket: the owner has read bad_ticket %u times in 200\n", bad);
    assert_int_equal(bad, 0);
    rig_free(rig);
}

// ---- ten thousand hostile sessions ----

static void be_hostile(rig_t *rig, uint32_t *seed) {
    static const char *const words[] = {
        "",
        "{",
        "{}",
        "{\"type\":\"restart\"",
        "{\"type\":\"begin\",\"size\":1",
        "{\"type\":\"confirm\",\"count\":1,\"mac\":\"00112233445566778899aabbccddeeff\""};
    const ota_ws_address_t from = address_of(next_random(seed) % 300);
    char ticket[OTA_WS_TICKET_TEXT_SIZE], challenge[TEXT_SIZE], final[TEXT_SIZE];
    peer_t *peer = connect_from(rig, &from);
    const uint32_t kind = next_random(seed) % 6;
    if (kind >= 2) {
        ask_ticket(rig, &from, ticket);
        hello(peer, ticket, kind == 2 ? "garbage" : "n,,n=ota,r=0123456789abcdefghijklmn");
    }
    if (kind >= 4 && member(peer, "challenge", challenge) != NULL) {
        snprintf(final, sizeof final, "c=biws,%.*s,p=%043d=", (int)strcspn(challenge, ","), challenge, 0);
        say_proof(peer, final);
    }
    if (kind == 1) {
        peer_data(peer, next_random(seed), NULL, 100);
    } else if (kind != 3) {
        peer_say(peer, words[next_random(seed) % COUNT_OF(words)]);
    }
    assert_null(peer_received(peer, "welcome"));
    assert_null(peer_received(peer, "state"));
    peer_free(peer);
}

static void ten_thousand_hostile_sessions_leave_nothing_behind(void **state) {
    (void)state;
    rig_t *rig = rig_new_locked();
    image_file_t file = rig_image_of_size("2.0.0", 240000);
    uint32_t seed = 7, sent = 0;
    peer_t *owner = peer_welcome(rig);
    peer_begin(owner, (uint32_t)file.length, file.bytes, false);
    rig_settle(rig);
    size_t heap = 0;
    for (int i = 0; i < 10000; i++) {
        be_hostile(rig, &seed);
        rig_pass(rig, 5);
        if (i % 200 == 199 && sent + 4096 < file.length) {
            peer_forget(owner);
            peer_say(owner, "{\"type\":\"ping\"");
            assert_true(peer_data(owner, sent, file.bytes + sent, 4096));
            rig_settle(rig);
            sent += 4096;
        }
        if (i == 1000) { // by now OpenSSL and the C library have taken what they take once
            heap = mallinfo2().uordblks;
        }
        assert_true(i < 1000 || mallinfo2().uordblks <= heap);
    }
    while (sent < file.length) {
        const uint32_t left = (uint32_t)file.length - sent;
        peer_forget(owner);
        assert_true(peer_data(owner, sent, file.bytes + sent, left < 4096 ? left : 4096));
        rig_settle(rig);
        sent += left < 4096 ? left : 4096;
    }
    assert_non_null(peer_received(owner, "done"));
    assert_memory_equal(rig->nor->bytes, file.bytes, file.length);
    assert_ptr_equal(rig->device.sessions, owner->session);
    assert_null(owner->session->next);
    printf("10000 hostile sessions: heap as before (%zu bytes), the honest update among them is done; before its login"
           " a peer holds %zu bytes in the core\n",
           heap, sizeof(ota_ws_session_t));
    assert_true(sizeof(ota_ws_session_t) < 1024);
    peer_free(owner);
    rig_free(rig);
    image_free(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearly_right_passwords_are_wrong),
        cmocka_unit_test(ten_thousand_random_passwords_are_wrong),
        cmocka_unit_test(a_wrong_guess_costs_the_same_wherever_it_differs),
        cmocka_unit_test(the_comparison_takes_as_many_instructions_wherever_the_difference_is),
        cmocka_unit_test(a_wrong_guess_takes_as_many_instructions_whatever_prefix_is_right),
        cmocka_unit_test(guesses_are_at_most_one_a_second),
        cmocka_unit_test(an_owner_who_has_mistyped_gets_in_among_fifty_guessers),
        cmocka_unit_test(fifty_attackers_who_stall_keep_an_owner_out_for_a_minute_at_most),
        cmocka_unit_test(a_recorded_login_opens_nothing),
        cmocka_unit_test(a_ticket_is_for_one_hello_soon_from_one_address),
        cmocka_unit_test(a_flood_of_requests_takes_no_ticket_away),
        cmocka_unit_test(ten_thousand_hostile_sessions_leave_nothing_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
