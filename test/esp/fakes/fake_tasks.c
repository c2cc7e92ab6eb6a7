// SPDX-License-Identifier: Apache-2.0
// FreeRTOS over POSIX threads.
#define FAKES
#include <pthread.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "fake.h"

struct fake_semaphore {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int count;       // 1: it can be taken; of a mutex: somebody has it
    bool has_waiter; // a task sleeps until it is given
    pthread_t owner; // of a recursive mutex
    int depth;
};

_Static_assert(sizeof(struct fake_semaphore) <= sizeof(StaticSemaphore_t), "the memory is enough");

struct fake_task {
    pthread_t thread;
    void (*run)(void *context);
    void *context;
};

#define TASKS 4
#define SETTLES_MS 60000 // then something hangs, and the test says what is missing

static _Thread_local struct fake_task *current;
static atomic_int awake;             // tasks that neither wait for a semaphore nor read a socket
static atomic_int reading[TASKS];    // sockets that a task reads, each plus 1; 0: a free place
static struct fake_task server_task; // of a thread that is no task of ours

static SemaphoreHandle_t make(StaticSemaphore_t *memory) {
    SemaphoreHandle_t semaphore = (SemaphoreHandle_t)memory;
    memset(semaphore, 0, sizeof *semaphore);
    pthread_mutex_init(&semaphore->mutex, NULL);
    pthread_cond_init(&semaphore->changed, NULL);
    return semaphore;
}

SemaphoreHandle_t xSemaphoreCreateBinaryStatic(StaticSemaphore_t *memory) {
    return make(memory);
}

SemaphoreHandle_t xSemaphoreCreateRecursiveMutexStatic(StaticSemaphore_t *memory) {
    return make(memory);
}

// With the mutex held: waits for the count to be something else. False when the time is over.
static bool wait_while(SemaphoreHandle_t semaphore, int count, TickType_t wait) {
    if (wait == 0) {
        return semaphore->count != count; // a wait that is over already still costs a turn of the scheduler
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    if (wait != portMAX_DELAY) {
        until.tv_sec += wait / 1000;
        until.tv_nsec += wait % 1000 * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
    }
    while (semaphore->count == count) {
        int error = wait == portMAX_DELAY ? pthread_cond_wait(&semaphore->changed, &semaphore->mutex)
                                          : pthread_cond_timedwait(&semaphore->changed, &semaphore->mutex, &until);
        if (error != 0) {
            return false;
        }
    }
    return true;
}

// With the mutex held. A task that is given a semaphore counts as awake from then on, and not only when the machine
// lets it run.
static void wake_waiter(SemaphoreHandle_t semaphore) {
    awake += semaphore->has_waiter ? 1 : 0;
    semaphore->has_waiter = false;
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t wait) {
    pthread_mutex_lock(&semaphore->mutex);
    if (current != NULL && wait > 0 && semaphore->count == 0) {
        semaphore->has_waiter = true;
        awake--;
    }
    bool taken = wait_while(semaphore, 0, wait);
    wake_waiter(semaphore); // unless it was given: the time is over
    semaphore->count = 0;
    pthread_mutex_unlock(&semaphore->mutex);
    return taken;
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore) {
    pthread_mutex_lock(&semaphore->mutex);
    semaphore->count = 1;
    wake_waiter(semaphore);
    pthread_cond_broadcast(&semaphore->changed);
    pthread_mutex_unlock(&semaphore->mutex);
    return pdTRUE;
}

static pthread_mutex_t critical = PTHREAD_MUTEX_INITIALIZER;

void portENTER_CRITICAL(portMUX_TYPE *lock) {
    (void)lock;
    pthread_mutex_lock(&critical);
}

void portEXIT_CRITICAL(portMUX_TYPE *lock) {
    (void)lock;
    pthread_mutex_unlock(&critical);
}

BaseType_t xSemaphoreTakeRecursive(SemaphoreHandle_t mutex, TickType_t wait) {
    pthread_mutex_lock(&mutex->mutex);
    bool own = mutex->depth > 0 && pthread_equal(mutex->owner, pthread_self());
    bool got = own || wait_while(mutex, 1, wait);
    if (got) {
        mutex->owner = pthread_self();
        mutex->count = 1;
        mutex->depth++;
    }
    pthread_mutex_unlock(&mutex->mutex);
    return got;
}

BaseType_t xSemaphoreGiveRecursive(SemaphoreHandle_t mutex) {
    pthread_mutex_lock(&mutex->mutex);
    if (--mutex->depth == 0) {
        mutex->count = 0;
        pthread_cond_broadcast(&mutex->changed);
    }
    pthread_mutex_unlock(&mutex->mutex);
    return pdTRUE;
}

static void *run(void *context) {
    current = context;
    current->run(current->context);
    awake--;
    return NULL;
}

BaseType_t xTaskCreate(void (*body)(void *), const char *name, uint32_t stack, void *context, UBaseType_t priority,
                       TaskHandle_t *task) {
    (void)name;
    (void)priority;
    if ((fake.largest_stack > 0 && stack > fake.largest_stack) || !fake_has_memory()) {
        return !pdPASS;
    }
    *task = calloc(1, sizeof **task);
    (*task)->run = body;
    (*task)->context = context;
    fake.tasks++;
    awake++;
    pthread_create(&(*task)->thread, NULL, run, *task);
    return pdPASS;
}

// Of a suspended task, that is, one whose thread has ended.
void vTaskDelete(TaskHandle_t task) {
    pthread_join(task->thread, NULL);
    free(task);
    fake.tasks--;
}

void vTaskSuspend(TaskHandle_t task) {
    (void)task;
    awake--;
    pthread_exit(NULL);
}

// ---- what the tasks do

void fake_reads(int socket) {
    for (int i = 0, none = 0; current != NULL && i < TASKS; i++, none = 0) {
        if (atomic_compare_exchange_strong(&reading[i], &none, socket + 1)) {
            awake--;
            return;
        }
    }
}

void fake_has_read(int socket) {
    for (int i = 0, its = socket + 1; current != NULL && i < TASKS; i++, its = socket + 1) {
        if (atomic_compare_exchange_strong(&reading[i], &its, 0)) {
            awake++;
            return;
        }
    }
}

static bool is_busy(void) {
    bool busy = awake > 0;
    for (int i = 0; i < TASKS; i++) {
        int bytes = 0;
        int socket = reading[i] - 1;
        busy |= socket >= 0 && ioctl(socket, FIONREAD, &bytes) == 0 && bytes > 0;
    }
    return busy;
}

void fake_settle(void) {
    for (int i = 0; i < SETTLES_MS && current == NULL && is_busy(); i++) {
        usleep(1000);
    }
}

void vTaskDelay(TickType_t ticks) {
    struct timespec time = {.tv_nsec = ticks % 1000 * 1000000L};
    nanosleep(&time, NULL);
}

TaskHandle_t xTaskGetCurrentTaskHandle(void) {
    return current != NULL ? current : &server_task;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task) {
    (void)task;
    return 1000;
}
