#include "cli/interrupt.h"

#include <signal.h>

static volatile sig_atomic_t signal_seen;

static void on_signal(int number)
{
    signal_seen = number;
}

static void install(int flags)
{
    const struct sigaction action = { .sa_handler = on_signal, .sa_flags = flags };
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

void interrupts_catch(void)
{
    install((int)SA_RESETHAND);
}

void interrupts_hold(void)
{
    install(0);
}

int interrupted(void)
{
    return signal_seen;
}

void interrupts_forget(void)
{
    signal_seen = 0;
}
