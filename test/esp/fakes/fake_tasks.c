// SPDX-License-Identifier: Apache-2.0
// FreeRTOS over POSIX threads. A semaphore is a queue of items without size.
#define FAKES
#include <pthread.h>
#include <time.h>

#include "fake.h"

struct fake_queue {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    UBaseType_t length, size, count, first;
    pthread_t owner; // of a recursive mutex
    int depth;
    uint8_t items[];
};

struct fake_task {
    pthread_t thread;
    void (*run)(void *context);
    void *context;
};

static _Thread_local struct fake_task *current;
static struct fake_task server_task; // whoever is no task of ours

QueueHandle_t xQueueCreate(UBaseType_t length, UBaseType_t size) {
    QueueHandle_t queue = calloc(1, sizeof *queue + (size_t)length * size);
    pthread_mutex_init(&queue->mutex, NULL);
    pthread_cond_init(&queue->changed, NULL);
    queue->length = length;
    queue->size = size;
    return queue;
}

void vQueueDelete(QueueHandle_t queue) {
    pthread_cond_destroy(&queue->changed);
    pthread_mutex_destroy(&queue->mutex);
    free(queue);
}

// With the mutex held: waits for the count to be something else. False when the time is over.
static bool wait_while(QueueHandle_t queue, UBaseType_t count, TickType_t wait) {
    if (wait == 0) {
        return queue->count != count; // a wait that is over already still costs a turn of the scheduler
    }
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    if (wait != portMAX_DELAY) {
        until.tv_sec += wait / 1000;
        until.tv_nsec += wait % 1000 * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
    }
    while (queue->count == count) {
        int error = wait == portMAX_DELAY ? pthread_cond_wait(&queue->changed, &queue->mutex)
                                          : pthread_cond_timedwait(&queue->changed, &queue->mutex, &until);
        if (error != 0) {
            return false;
        }
    }
    return true;
}

static uint8_t *item(QueueHandle_t queue, UBaseType_t at) {
    return queue->items + (size_t)((queue->first + at) % queue->length) * queue->size;
}

BaseType_t xQueueSend(QueueHandle_t queue, const void *from, TickType_t wait) {
    pthread_mutex_lock(&queue->mutex);
    bool room = wait_while(queue, queue->length, wait);
    if (room) {
        if (queue->size > 0) {
            memcpy(item(queue, queue->count), from, queue->size);
        }
        queue->count++;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    return room;
}

BaseType_t xQueueReceive(QueueHandle_t queue, void *to, TickType_t wait) {
    pthread_mutex_lock(&queue->mutex);
    bool some = wait_while(queue, 0, wait);
    if (some) {
        if (queue->size > 0) {
            memcpy(to, item(queue, 0), queue->size);
        }
        queue->first = (queue->first + 1) % queue->length;
        queue->count--;
        pthread_cond_broadcast(&queue->changed);
    }
    pthread_mutex_unlock(&queue->mutex);
    return some;
}

// Of a queue of one item.
void xQueueOverwrite(QueueHandle_t queue, const void *from) {
    pthread_mutex_lock(&queue->mutex);
    queue->count = 1;
    memcpy(item(queue, 0), from, queue->size);
    pthread_cond_broadcast(&queue->changed);
    pthread_mutex_unlock(&queue->mutex);
}

UBaseType_t uxQueueMessagesWaiting(QueueHandle_t queue) {
    return queue->length - uxQueueSpacesAvailable(queue);
}

UBaseType_t uxQueueSpacesAvailable(QueueHandle_t queue) {
    pthread_mutex_lock(&queue->mutex);
    UBaseType_t spaces = queue->length - queue->count;
    pthread_mutex_unlock(&queue->mutex);
    return spaces;
}

SemaphoreHandle_t xSemaphoreCreateBinary(void) {
    return xQueueCreate(1, 0);
}

BaseType_t xSemaphoreTake(SemaphoreHandle_t semaphore, TickType_t wait) {
    return xQueueReceive(semaphore, NULL, wait);
}

BaseType_t xSemaphoreGive(SemaphoreHandle_t semaphore) {
    return xQueueSend(semaphore, semaphore, 0);
}

SemaphoreHandle_t xSemaphoreCreateRecursiveMutex(void) {
    return xQueueCreate(1, 0);
}

// `count` 1: somebody has it.
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
    return NULL;
}

BaseType_t xTaskCreate(void (*body)(void *), const char *name, uint32_t stack, void *context, UBaseType_t priority,
                       TaskHandle_t *task) {
    (void)name;
    (void)priority;
    if (fake.largest_stack > 0 && stack > fake.largest_stack) {
        return !pdPASS;
    }
    *task = calloc(1, sizeof **task);
    (*task)->run = body;
    (*task)->context = context;
    fake.tasks++;
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
    pthread_exit(NULL);
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
