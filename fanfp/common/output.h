/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Printing names that may hold any byte.
 */
#ifndef __OUTPUT_H
#define __OUTPUT_H

#include <stdio.h>

void print_escaped(FILE *out, const char *s);
void print_json_string(FILE *out, const char *s);
int print_end(void);

#endif /* __OUTPUT_H */
