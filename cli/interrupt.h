/* interrupt.h - SIGINT and SIGTERM as a question one can ask.
 *
 * Once caught, the first signal only sets a flag, which ends a request under way; a second one
 * ends the program at once. */
#pragma once
#include <stdbool.h>

void interrupts_catch(void);
/* As above, but no later signal ends the program: for one that has others to stop first. */
void interrupts_hold(void);
/* The signal that came, 0 when none did. */
int interrupted(void);
/* Forget it: what is to be done about it may take requests of its own. */
void interrupts_forget(void);
